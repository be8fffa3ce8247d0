// Connecting a user who is here already while signing in: whether an idp offers it, and what a sign-in knows about it until it ends.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    ALTER TABLE idps ADD associate_local_user boolean NOT NULL DEFAULT false;

    -- Who keeps a verified address, in any case of its letters.
    CREATE INDEX user_attributes_verified_email_idx ON user_attributes (lower(value #>> '{}')) WHERE name = 'email' AND verified;

    -- The door of a sign-in that only proves whose user somebody is; door_sealed says for which other one.
    ALTER TABLE flows
      DROP CONSTRAINT flows_door_check,
      ADD CONSTRAINT flows_door_check CHECK (door IN ('application', 'flow-api', 'my-account', 'connecting')),
      -- When the person said that they are none of those who keep their address.
      ADD apart_at timestamptz,
      -- The user whom they proved to be, and by what: a keyed hash over this flow, its person and the means. Wiped when the flow ends.
      ADD proof jsonb,
      ADD CONSTRAINT flows_proof_check CHECK (proof IS NULL OR closed_at IS NULL);
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
