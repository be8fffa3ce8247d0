// Sign-ins that operators make to try an identity provider: bound to a session of the console, used once, and gone after minutes.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- The state is kept as a hash, and what came back is sealed under a key that follows from the session's id, of which there is but a hash:
    -- a dump of both tables neither finishes a test nor opens one. Whoever signs out takes it along.
    CREATE TABLE test_sign_ins (
      state_hash bytea PRIMARY KEY CHECK (length(state_hash) = 32),
      session_hash bytea NOT NULL REFERENCES console_sessions (id_hash) ON DELETE CASCADE,
      idp_id uuid NOT NULL REFERENCES idps (id) ON DELETE CASCADE,
      taken_at timestamptz,
      result_sealed bytea,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX test_sign_ins_session_hash_idx ON test_sign_ins (session_hash);
    CREATE INDEX test_sign_ins_idp_id_idx ON test_sign_ins (idp_id);
    CREATE INDEX test_sign_ins_expires_at_idx ON test_sign_ins (expires_at);
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
