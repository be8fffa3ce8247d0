// Which version of a purpose was in force when a person answered one attribute of it by itself: in My Account, or when they connected an idp.
// Whoever said yes or no to an attribute under the words of now is not asked about it because of them; about the others they are.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    CREATE TABLE answered_attributes (
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      purpose_id text NOT NULL,
      attribute text NOT NULL,
      version integer NOT NULL,
      PRIMARY KEY (user_id, purpose_id, attribute)
    );
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
