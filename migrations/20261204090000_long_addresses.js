// An index that takes a verified address of any length: one that was sorted by the address refused what is longer than a third of a page.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- Who keeps a verified address, in any case of its letters. By its hash: it is only ever asked for whole.
    DROP INDEX user_attributes_verified_email_idx;
    CREATE INDEX user_attributes_verified_email_idx ON user_attributes USING hash (lower(value #>> '{}')) WHERE name = 'email' AND verified;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
