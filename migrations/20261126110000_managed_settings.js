// Settings that the configuration file and the console share: whose each one is, its version, and the history of what operators changed.

/** @param {import('knex').Knex} db */
export async function up(db) {
  const tables = ['attributes', 'user_stores', 'idps', 'purposes', 'applications']
  await db.raw(`
    -- What is there already was declared by a file; a start without one makes it the console's.
    ${tables
      .map(
        (table) => `ALTER TABLE ${table}
      ADD managed_by text NOT NULL DEFAULT 'file' CHECK (managed_by IN ('file', 'console')),
      ADD version integer NOT NULL DEFAULT 1;`,
      )
      .join('\n    ')}
    -- declared_hash is what the file said last. What the console made was never declared.
    ALTER TABLE attributes ALTER declared_hash SET DEFAULT '';
    ALTER TABLE idps ALTER declared_hash SET DEFAULT '';
    ALTER TABLE purposes ALTER declared_hash SET DEFAULT '';
    ALTER TABLE applications ALTER declared_hash SET DEFAULT '';

    -- jit_provisioning: what the file says under authentication.jit_provisioning, as far as it differs from the defaults.
    ALTER TABLE installation
      ADD jit_provisioning jsonb NOT NULL DEFAULT '{}',
      ADD organization_managed_by text NOT NULL DEFAULT 'file' CHECK (organization_managed_by IN ('file', 'console')),
      ADD organization_version integer NOT NULL DEFAULT 1,
      ADD jit_provisioning_managed_by text NOT NULL DEFAULT 'file'
        CHECK (jit_provisioning_managed_by IN ('file', 'console')),
      ADD jit_provisioning_version integer NOT NULL DEFAULT 1,
      ADD declared_hash bytea NOT NULL DEFAULT '';

    -- A consent is proof, and outlives the idp whose sign-in it was given in; the id stays as the name of that.
    ALTER TABLE consents DROP CONSTRAINT consents_idp_id_fkey;

    -- For an idp that is deleted.
    CREATE INDEX user_attributes_origin_idp_id_idx ON user_attributes (origin_idp_id) WHERE origin_idp_id IS NOT NULL;
    CREATE INDEX user_roles_origin_idp_id_idx ON user_roles (origin_idp_id) WHERE origin_idp_id IS NOT NULL;

    -- What operators, the file and the command line changed. before and after have no secrets.
    CREATE TABLE changes (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      at timestamptz NOT NULL DEFAULT now(),
      -- No reference: whoever did it may be deleted, and what they did was done.
      actor_id uuid,
      actor text NOT NULL CHECK (char_length(actor) BETWEEN 1 AND 400),
      address text CHECK (char_length(address) <= 100),
      request_id text CHECK (char_length(request_id) <= 200),
      action text NOT NULL CHECK (char_length(action) BETWEEN 1 AND 50),
      kind text NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 50),
      object text NOT NULL CHECK (char_length(object) BETWEEN 1 AND 400),
      before jsonb,
      after jsonb
    );
    -- Newest first is the primary key backwards.
    CREATE INDEX changes_of_object_idx ON changes (kind, object, id);
    CREATE INDEX changes_of_actor_idx ON changes (actor, id);

    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'What was done stays as it was: % of % is refused.', TG_OP, TG_TABLE_NAME
          USING ERRCODE = 'restrict_violation';
      END
    $$;
    CREATE TRIGGER changes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON changes
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
