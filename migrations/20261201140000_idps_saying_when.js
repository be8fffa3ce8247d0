// Which idps say when a person signed in there (auth_time), where they are asked for a new sign-in: then an answer without it is not one to that.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    CREATE TABLE idps_saying_when (
      idp_id uuid NOT NULL REFERENCES idps (id) ON DELETE CASCADE,
      -- Another issuer is another idp, whatever it was configured as before.
      issuer text NOT NULL,
      said_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (idp_id, issuer)
    )
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
