// My Account: a door of its own, sessions of people, and what they did there.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- The door of My Account belongs to no application; door_sealed says what the person comes for.
    ALTER TABLE flows
      ALTER application_id DROP NOT NULL,
      DROP CONSTRAINT flows_door_check,
      DROP CONSTRAINT flows_door_sealed_check,
      ADD CONSTRAINT flows_door_check CHECK (door IN ('application', 'flow-api', 'my-account')),
      ADD CONSTRAINT flows_door_sealed_check CHECK ((door <> 'application') = (door_sealed IS NOT NULL)),
      -- When a flow of My Account was led out, which happens once: what it opened is a session.
      ADD left_at timestamptz,
      ADD CONSTRAINT flows_application_check CHECK ((application_id IS NULL) = (door = 'my-account'));

    -- Ids are SHA-256 hashes, so a dump of the table lets nobody in.
    CREATE TABLE account_sessions (
      id_hash bytea PRIMARY KEY CHECK (length(id_hash) = 32),
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      data jsonb NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX account_sessions_user_id_idx ON account_sessions (user_id);
    CREATE INDEX account_sessions_expires_at_idx ON account_sessions (expires_at);

    -- What a person did with their account, and what was done with it, for them to see. No value of theirs is in it.
    CREATE TABLE account_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      event text NOT NULL CHECK (char_length(event) BETWEEN 1 AND 50),
      detail jsonb NOT NULL DEFAULT '{}',
      created_at timestamptz NOT NULL
    );
    CREATE INDEX account_events_of_user_idx ON account_events (user_id, id);
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
