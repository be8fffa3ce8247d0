// The first shape of the house. Constraint names are part of the program: the code meets conflicts by name.
import { randomBytes } from 'node:crypto'

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- One row for ever: the salt of subjects that have no user row (design: it must not change when SECRET_KEY does).
    CREATE TABLE installation (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      salt bytea NOT NULL CHECK (length(salt) = 32),
      organization jsonb NOT NULL DEFAULT '{"name": "Vestibule"}',
      created_at timestamptz NOT NULL DEFAULT now()
    );

    -- Private keys of our OpenID Provider, sealed under SECRET_KEY. Two overlap in the JWKS.
    CREATE TABLE signing_keys (
      kid text PRIMARY KEY,
      sealed bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE user_stores (
      name text PRIMARY KEY CHECK (name = upper(name)),
      created_at timestamptz NOT NULL DEFAULT now()
    );
    INSERT INTO user_stores (name) VALUES ('PRIMARY');

    CREATE TABLE attributes (
      name text PRIMARY KEY,
      display_name text NOT NULL,
      is_enabled boolean NOT NULL,
      declared_hash bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    -- declared_hash: what the configuration file said last, so that applying equal content writes nothing.
    CREATE TABLE idps (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      name text NOT NULL CONSTRAINT idps_name_key UNIQUE,
      display_name text NOT NULL,
      is_enabled boolean NOT NULL,
      position integer NOT NULL,
      issuer text NOT NULL,
      client_id text NOT NULL,
      client_secret_sealed bytea,
      scopes text[] NOT NULL,
      username_claim text NOT NULL,
      mappings jsonb NOT NULL,
      jit_enabled boolean NOT NULL,
      jit_scheme text NOT NULL CHECK (jit_scheme IN
        ('PROVISION_SILENTLY', 'PROMPT_CONSENT', 'PROMPT_PASSWORD_CONSENT', 'PROMPT_USERNAME_PASSWORD_CONSENT')),
      jit_userstore text NOT NULL REFERENCES user_stores (name),
      attribute_sync_method text NOT NULL CHECK (attribute_sync_method IN ('OVERRIDE_ALL', 'PRESERVE_LOCAL', 'NONE')),
      declared_hash bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE purposes (
      id text PRIMARY KEY,
      purpose text NOT NULL,
      description text NOT NULL,
      pii_categories jsonb NOT NULL,
      is_enabled boolean NOT NULL,
      position integer NOT NULL,
      declared_hash bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE applications (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      client_id text NOT NULL CONSTRAINT applications_client_id_key UNIQUE,
      name text NOT NULL,
      client_secret_sealed bytea,
      redirect_uris text[] NOT NULL,
      post_logout_redirect_uris text[] NOT NULL,
      identity_providers text[],
      require_local_user boolean NOT NULL,
      require_pkce boolean NOT NULL,
      is_enabled boolean NOT NULL,
      declared_hash bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE users (
      id uuid PRIMARY KEY,
      store text NOT NULL REFERENCES user_stores (name),
      username text NOT NULL,
      username_canonical text NOT NULL,
      password_hash text,
      is_locked boolean NOT NULL DEFAULT false,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- No two people share a name in any case or width; the unique name is decided here and nowhere else.
      CONSTRAINT users_store_username_key UNIQUE (store, username_canonical)
    );

    -- A person is (idp, issuer, subject), byte for byte: never a username, never an e-mail.
    -- The reference to users is deferred so that the identity can be claimed before the user exists:
    -- the second of two racing sign-ins of one person waits here and finds the winner's user.
    CREATE TABLE identities (
      idp_id uuid NOT NULL REFERENCES idps (id),
      issuer text COLLATE "C" NOT NULL,
      subject text COLLATE "C" NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
      user_id uuid NOT NULL REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED,
      scheme text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT identities_pkey PRIMARY KEY (idp_id, issuer, subject)
    );
    CREATE INDEX identities_user_id_idx ON identities (user_id);

    -- Every value knows where it came from; verified is about this value (email_verified follows email).
    CREATE TABLE user_attributes (
      user_id uuid NOT NULL REFERENCES users (id),
      name text NOT NULL,
      value jsonb NOT NULL,
      verified boolean,
      origin text NOT NULL CHECK (origin IN ('idp', 'person', 'operator')),
      origin_idp_id uuid REFERENCES idps (id),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT user_attributes_pkey PRIMARY KEY (user_id, name),
      CONSTRAINT user_attributes_origin_idp_check CHECK ((origin = 'idp') = (origin_idp_id IS NOT NULL))
    );

    -- The words that people agreed to, once per wording and language.
    CREATE TABLE notices (
      hash text PRIMARY KEY,
      language text NOT NULL,
      -- json and not jsonb: it keeps the text as it is, and the hash is of the text.
      content json NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE consents (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES users (id),
      purpose_id text NOT NULL,
      attribute text NOT NULL,
      is_given boolean NOT NULL,
      notice_hash text NOT NULL REFERENCES notices (hash),
      language text NOT NULL,
      idp_id uuid NOT NULL REFERENCES idps (id),
      flow_id text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT consents_once_per_flow_key UNIQUE (flow_id, purpose_id, attribute)
    );
    CREATE INDEX consents_user_id_idx ON consents (user_id);

    -- One sign-in in progress. profile is ciphertext under a key that only the browser's flow cookie holds.
    CREATE TABLE flows (
      id text PRIMARY KEY,
      binding bytea NOT NULL,
      door text NOT NULL CHECK (door IN ('application')),
      application_id uuid NOT NULL REFERENCES applications (id),
      interaction_uid_sealed bytea NOT NULL,
      idp_id uuid REFERENCES idps (id),
      state_hash bytea CONSTRAINT flows_state_hash_key UNIQUE,
      called_back_at timestamptz,
      -- When the person first saw a question: from then on only their answer makes a user.
      asked_at timestamptz,
      person_hash bytea,
      profile_sealed bytea,
      closed_at timestamptz,
      ending jsonb,
      expires_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT flows_closed_with_ending_check CHECK ((closed_at IS NULL) = (ending IS NULL))
    );
    CREATE INDEX flows_expires_at_idx ON flows (expires_at);

    CREATE TABLE audit_events (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      event text NOT NULL,
      flow_id text,
      idp_id uuid,
      user_id uuid,
      detail jsonb NOT NULL DEFAULT '{}',
      created_at timestamptz NOT NULL DEFAULT now()
    );

    -- The OpenID Provider's records. Opaque ids are SHA-256 hashes; the payload is sealed under SECRET_KEY.
    CREATE TABLE oidc_records (
      model text NOT NULL,
      id_hash bytea NOT NULL,
      payload_sealed bytea NOT NULL,
      grant_id_hash bytea,
      uid_hash bytea,
      consumed_at timestamptz,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (model, id_hash)
    );
    CREATE INDEX oidc_records_grant_id_hash_idx ON oidc_records (grant_id_hash) WHERE grant_id_hash IS NOT NULL;
    CREATE INDEX oidc_records_uid_hash_idx ON oidc_records (model, uid_hash) WHERE uid_hash IS NOT NULL;
    CREATE INDEX oidc_records_expires_at_idx ON oidc_records (expires_at);

    -- What an application may read about a person of whom nothing is kept. Dies with the access token.
    CREATE TABLE federated_claims (
      grant_id_hash bytea PRIMARY KEY,
      claims_sealed bytea NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX federated_claims_expires_at_idx ON federated_claims (expires_at);

    -- How often something was tried, by a keyed hash of who tried it.
    CREATE TABLE brakes (
      key bytea PRIMARY KEY,
      points integer NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX brakes_expires_at_idx ON brakes (expires_at);
  `)
  await db('installation').insert({ salt: randomBytes(32) })
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
