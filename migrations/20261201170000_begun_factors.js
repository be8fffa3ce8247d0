// An app whose set-up was begun is that of the sign-in or session which shows its secret: nobody else confirms it, or sees it.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- A flow's id or the hash of a session's, as in emailed_codes; null once it is confirmed. What was begun before counts for nobody, and is begun again.
    ALTER TABLE user_factors ADD bound_to text;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
