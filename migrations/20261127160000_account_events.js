// What people did in My Account is shown for as long as their sign-ins are, and kept no longer.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw('CREATE INDEX account_events_created_at_idx ON account_events (created_at)')
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
