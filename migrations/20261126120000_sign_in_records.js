// Every sign-in explains itself: each flow leaves one record with what was decided, by what, and what came of it. A process of an earlier
// version beside this one writes records without that.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- For the record: the last question and what it was decided by, how often its form came back and with which codes, and what an idp did
    -- in place of an answer. No value of a person is among them.
    ALTER TABLE flows
      ADD noted jsonb,
      ADD came_back integer NOT NULL DEFAULT 0,
      ADD problem_codes text[] NOT NULL DEFAULT '{}',
      ADD failure text;

    ALTER TABLE audit_events
      -- What people quote, and what the log calls the flow (src/flow.ts): computed here, so that no record is without.
      ADD code text GENERATED ALWAYS AS (substr(encode(sha256(flow_id::bytea), 'hex'), 1, 4) || '-' ||
        substr(encode(sha256(flow_id::bytea), 'hex'), 5, 4)) STORED,
      ADD application_id uuid,
      -- NONE, or the scheme; NULL without an idp.
      ADD mode text,
      -- What decide was given, and what it said. NULL: nothing was decided.
      ADD facts jsonb,
      ADD decision jsonb,
      -- What the last question asked. NULL: nobody saw one.
      ADD asked jsonb,
      ADD came_back integer NOT NULL DEFAULT 0,
      ADD problem_codes text[] NOT NULL DEFAULT '{}',
      ADD failure text;

    -- One record per flow, whoever writes it: the transaction that ends the flow, or the sweep that forgets it.
    CREATE UNIQUE INDEX audit_events_flow_key ON audit_events (flow_id);
    -- Not unique: of a million flows about a hundred share their eight digits with another.
    CREATE INDEX audit_events_code_idx ON audit_events (code);
    CREATE INDEX audit_events_newest_idx ON audit_events (created_at DESC, id DESC);
    CREATE INDEX audit_events_idp_newest_idx ON audit_events (idp_id, created_at DESC, id DESC);
    -- Sign-ins of known people are nearly all there is, and found by the index above.
    CREATE INDEX audit_events_event_newest_idx ON audit_events (event, created_at DESC, id DESC) WHERE event <> 'sign-in';
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
