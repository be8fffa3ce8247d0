// What an idp says of its people is its own to change while the enhanced feature is on: what it sends of whom, and a guard before every writer.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- Names of the attributes that the idp sent of the person last, no values: of what it says itself nobody types anything else in, even where
    -- nothing is kept. Empty for whoever has not come by it since this migration.
    ALTER TABLE identities ADD sent text[] NOT NULL DEFAULT '{}';

    -- The last word, whoever writes: a value from an idp that keeps it up to date is put by nobody else's in its place. To take it away, or to say
    -- whose it is from now on, is no edit. The error has no value in it.
    CREATE FUNCTION user_attributes_keep_idps_own() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM installation WHERE jit_provisioning->>'enable_enhanced_feature' = 'true')
        AND EXISTS (SELECT FROM idps WHERE id = OLD.origin_idp_id AND attribute_sync_method <> 'NONE') THEN
        RAISE EXCEPTION 'an identity provider keeps this attribute up to date'
          USING ERRCODE = 'check_violation', CONSTRAINT = 'user_attributes_read_only', TABLE = 'user_attributes';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER user_attributes_read_only BEFORE UPDATE ON user_attributes FOR EACH ROW
      WHEN (OLD.origin_idp_id IS NOT NULL AND NEW.value IS DISTINCT FROM OLD.value AND NEW.origin_idp_id IS DISTINCT FROM OLD.origin_idp_id)
      EXECUTE FUNCTION user_attributes_keep_idps_own();
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
