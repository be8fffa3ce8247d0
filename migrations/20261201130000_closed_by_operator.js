// An operator who deletes a user ends what was agreed to: the last record says where that was.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    ALTER TABLE consents
      DROP CONSTRAINT consents_channel_check,
      ADD CONSTRAINT consents_channel_check CHECK (channel IN ('sign-in', 'my-account', 'operator'))
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
