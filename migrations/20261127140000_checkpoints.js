// Once a day the last records of people are collected and signed, so that a chain which was cut at its end, or written anew with its head, is found.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- The private key (Ed25519) that signs checkpoints, sealed under SECRET_KEY. Made once: what it signed must count as long as the records do.
    CREATE TABLE consent_checkpoint_key (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      sealed bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE consent_checkpoints (
      number integer PRIMARY KEY CHECK (number > 0),
      -- In UTC. Of several processes that try, one wins.
      day date NOT NULL CONSTRAINT consent_checkpoints_day_key UNIQUE,
      heads_hash bytea NOT NULL CHECK (length(heads_hash) = 32),
      previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
      hash bytea NOT NULL CHECK (length(hash) = 32),
      signature bytea NOT NULL CHECK (length(signature) = 64),
      created_at timestamptz NOT NULL
    );

    -- The heads that were others at the checkpoint before. No reference to users, as in consents.
    CREATE TABLE consent_checkpoint_heads (
      -- Checked at the end of the transaction, because the hash of a checkpoint is known when its heads are.
      number integer NOT NULL REFERENCES consent_checkpoints (number) DEFERRABLE INITIALLY DEFERRED,
      user_id uuid NOT NULL,
      sequence integer NOT NULL,
      hash bytea NOT NULL CHECK (length(hash) = 32),
      PRIMARY KEY (number, user_id)
    );
    CREATE INDEX consent_checkpoint_heads_user_id_idx ON consent_checkpoint_heads (user_id, sequence);

    CREATE TRIGGER consent_checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_checkpoints
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER consent_checkpoint_heads_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_checkpoint_heads
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

    -- When words were first kept: nothing reads it, and no hash covers it. When they were shown is what the records say.
    ALTER TABLE notices DROP COLUMN created_at;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
