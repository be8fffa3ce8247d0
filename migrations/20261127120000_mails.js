// Letters that wait for the mail server.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- What happened, and nothing of the person: whom to write to is looked up when the letter is sent. Only an address that is theirs no longer
    -- is kept here, sealed under SECRET_KEY. A kind is not checked: a process that does not know it leaves it to newer ones.
    CREATE TABLE mails (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      kind text NOT NULL,
      language text NOT NULL,
      facts jsonb NOT NULL,
      address_sealed bytea,
      -- How often it was begun without anybody writing down how that ended.
      attempts integer NOT NULL DEFAULT 0,
      next_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL
    );
    CREATE INDEX mails_user_id_idx ON mails (user_id);
    CREATE INDEX mails_next_at_idx ON mails (next_at);
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
