// The management console: who may enter it, their sessions, their second factors, and whether the first run is over.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- A user who may enter the console. No cascade: whoever is an operator must cease to be one before their user can be deleted,
    -- and that is refused for the last owner.
    CREATE TABLE operators (
      user_id uuid PRIMARY KEY REFERENCES users (id),
      role text NOT NULL CHECK (role IN ('owner', 'privacy', 'support')),
      created_at timestamptz NOT NULL DEFAULT now()
    );

    -- Ids are SHA-256 hashes, so a dump of the table lets nobody in.
    CREATE TABLE console_sessions (
      id_hash bytea PRIMARY KEY CHECK (length(id_hash) = 32),
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      data jsonb NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX console_sessions_user_id_idx ON console_sessions (user_id);
    CREATE INDEX console_sessions_expires_at_idx ON console_sessions (expires_at);

    -- last_step: the time step of the last code that was taken (RFC 6238, 5.2: a code is good once).
    CREATE TABLE user_factors (
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      kind text NOT NULL CHECK (kind IN ('totp')),
      secret_sealed bytea NOT NULL,
      confirmed_at timestamptz,
      last_step bigint NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT user_factors_pkey PRIMARY KEY (user_id, kind)
    );

    -- Set once and for ever by the first owner: from then on there is no /setup, whoever deletes whom.
    ALTER TABLE installation ADD setup_completed_at timestamptz;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
