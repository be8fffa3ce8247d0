// A name for what is configured as it is now, so that a process knows with every look at a sign-in whether what it has in memory still holds.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- One row. By chance and not counted: a database that was restored must not call other settings by a name that was used before.
    CREATE TABLE configured (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      version uuid NOT NULL DEFAULT gen_random_uuid()
    );
    INSERT INTO configured DEFAULT VALUES;

    -- At the end of each transaction that changed something, whoever wrote it: the row is held no longer than that, and nobody who holds it waits
    -- for anything else.
    CREATE FUNCTION name_configured() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE configured SET version = gen_random_uuid();
        RETURN NULL;
      END
    $$;
    ${['applications', 'attributes', 'idps', 'installation', 'purpose_versions', 'purposes', 'user_stores']
      .map(
        (table) => `CREATE CONSTRAINT TRIGGER ${table}_configured AFTER INSERT OR UPDATE OR DELETE ON ${table}
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION name_configured();`,
      )
      .join('\n    ')}
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
