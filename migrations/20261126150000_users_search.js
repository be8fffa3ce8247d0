// Users in the console: found among a hundred thousand, signed out everywhere, and deleted without losing the proof of what they agreed to.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- Collation C, whatever the database's: it serves prefixes, and the order is the same everywhere. What is included lets it count alone.
    CREATE INDEX users_search_idx ON users (store, username_canonical COLLATE "C") INCLUDE (id, is_locked);
    -- They are few, so a list of them alone must not look through all.
    CREATE INDEX users_locked_idx ON users (store, username_canonical COLLATE "C") WHERE is_locked;
    -- The people of an idp, and whether somebody is one of them.
    CREATE INDEX identities_idp_user_idx ON identities (idp_id, user_id);
    CREATE INDEX audit_events_user_newest_idx ON audit_events (user_id, created_at DESC, id DESC) WHERE user_id IS NOT NULL;

    -- What began before this moment is over, wherever it is remembered.
    ALTER TABLE users ADD signed_out_at timestamptz;

    -- Whose session, grant or refresh token a record is: the payload is sealed. NULL for other models, for people without a user, and for
    -- what an earlier version wrote. No reference: a record of somebody who was deleted opens nothing and expires.
    ALTER TABLE oidc_records ADD user_id uuid;
    CREATE INDEX oidc_records_user_id_idx ON oidc_records (user_id) WHERE user_id IS NOT NULL;

    -- A consent is proof and outlives the user. It has no value of theirs, and the id of a user who was deleted leads to nobody.
    ALTER TABLE consents DROP CONSTRAINT consents_user_id_fkey;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
