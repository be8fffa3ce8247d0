// Pages in several languages: what the application asked for, and the operator's words in others.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- NULL: the application asked for none, or the flow is of an earlier version.
    ALTER TABLE flows ADD language text;

    -- By language: purpose and description of a purpose, the display name of an attribute.
    ALTER TABLE purposes ADD translations jsonb NOT NULL DEFAULT '{}';
    ALTER TABLE attributes ADD translations jsonb NOT NULL DEFAULT '{}';
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
