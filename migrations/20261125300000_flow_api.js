// The flow API: applications that act for themselves, keys under which others than the browser read a flow, and a second door.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- What applications had before they could say it.
    ALTER TABLE applications
      ADD grant_types text[] NOT NULL DEFAULT '{authorization_code,refresh_token}',
      ADD scopes text[] NOT NULL DEFAULT '{}';

    -- A flow of the door 'flow-api' has no interaction: where it leads back to, and the state of whoever began it, are sealed in door_sealed.
    ALTER TABLE flows
      DROP CONSTRAINT flows_door_check,
      ADD CONSTRAINT flows_door_check CHECK (door IN ('application', 'flow-api')),
      ALTER interaction_uid_sealed DROP NOT NULL,
      ADD door_sealed bytea,
      ADD CONSTRAINT flows_interaction_check CHECK ((door = 'application') = (interaction_uid_sealed IS NOT NULL)),
      ADD CONSTRAINT flows_door_sealed_check CHECK ((door = 'flow-api') = (door_sealed IS NOT NULL));
    -- Whether somebody was sent to a page elsewhere a moment ago and did not arrive.
    CREATE INDEX flows_person_hash_idx ON flows (person_hash) WHERE person_hash IS NOT NULL;

    -- Keys that were given out, as SHA-256. What a key opens is ciphertext under a key that follows from it, so the table opens nothing.
    -- page: to the page that asks; token: what that page got for it; answer: back from there, with what makes the user; entry: in by the
    -- door, outcome: out by it. A row outlives its use, so that a second one is told apart from a wrong key; what was sealed does not.
    CREATE TABLE flow_keys (
      hash bytea PRIMARY KEY CHECK (length(hash) = 32),
      flow_id text NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
      kind text NOT NULL CHECK (kind IN ('page', 'token', 'answer', 'entry', 'outcome')),
      -- NULL: whoever serves pages.
      application_id uuid REFERENCES applications (id),
      sealed bytea,
      used_at timestamptz,
      -- NULL: as long as the flow.
      expires_at timestamptz,
      created_at timestamptz NOT NULL,
      CONSTRAINT flow_keys_used_is_wiped_check CHECK (used_at IS NULL OR sealed IS NULL)
    );
    CREATE INDEX flow_keys_flow_id_idx ON flow_keys (flow_id);
    -- A flow has one outcome, and it is fetched once, however often somebody goes out by the door.
    CREATE UNIQUE INDEX flow_keys_outcome_key ON flow_keys (flow_id) WHERE kind = 'outcome';
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
