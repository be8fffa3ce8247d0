// Several user stores with rules of their own, what names look like, and roles.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    ALTER TABLE user_stores
      ADD position integer NOT NULL DEFAULT 0,
      ADD properties jsonb NOT NULL DEFAULT '{}',
      ADD is_enabled boolean NOT NULL DEFAULT true,
      ADD declared_hash bytea NOT NULL DEFAULT '',
      ADD CONSTRAINT user_stores_domain_check CHECK
        (name ~ '^[A-Z0-9][A-Z0-9._-]{0,62}$' AND name NOT IN ('INTERNAL', 'APPLICATION', 'WORKFLOW', 'SYSTEM')),
      ADD CONSTRAINT user_stores_primary_check CHECK (name <> 'PRIMARY' OR is_enabled);

    -- PRIMARY always exists: it can be neither deleted nor renamed as long as something refers to it, and this always does.
    ALTER TABLE installation ADD primary_store text NOT NULL DEFAULT 'PRIMARY'
      CONSTRAINT installation_primary_store_fkey REFERENCES user_stores (name)
      CONSTRAINT installation_primary_store_check CHECK (primary_store = 'PRIMARY');

    -- NULL: "As in username".
    ALTER TABLE idps
      ALTER jit_userstore DROP NOT NULL,
      ADD roles_claim text,
      ADD role_mappings jsonb NOT NULL DEFAULT '{}';

    -- What the name looks like (UTS 39, 4), hashed because it may be too long for an index: nobody gets a name that cannot be told from
    -- another's. NULL for names that were there before and look like one that was there earlier.
    ALTER TABLE users
      ADD username_look bytea CHECK (length(username_look) = 32),
      ADD CONSTRAINT users_store_look_key UNIQUE (store, username_look),
      ADD CONSTRAINT users_username_check CHECK (char_length(username) <= 255 AND char_length(username_canonical) <= 255);

    -- A role that an idp grants and the same role granted by an operator are two rows: a sign-in adds and removes only its idp's own.
    CREATE TABLE user_roles (
      user_id uuid NOT NULL REFERENCES users (id),
      role text NOT NULL CHECK (char_length(role) BETWEEN 1 AND 255),
      origin text NOT NULL CHECK (origin IN ('idp', 'operator')),
      origin_idp_id uuid REFERENCES idps (id),
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT user_roles_origin_idp_check CHECK ((origin = 'idp') = (origin_idp_id IS NOT NULL))
    );
    CREATE INDEX user_roles_user_id_idx ON user_roles (user_id);
    CREATE UNIQUE INDEX user_roles_of_idp_key ON user_roles (user_id, origin_idp_id, role) WHERE origin = 'idp';
    CREATE UNIQUE INDEX user_roles_of_operator_key ON user_roles (user_id, role) WHERE origin = 'operator';
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
