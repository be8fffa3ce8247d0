// A purpose as it was said, version by version, and which of them each person was shown last: whoever saw another one is asked about the change.
// Everybody who is there has seen what is said now, so nobody is asked because of an upgrade.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- As texts: a driver would make a moment of a day, in the time zone of whoever reads it.
    ALTER TABLE purposes
      ADD accept_by text CHECK (accept_by ~ '^\\d{4}-\\d\\d-\\d\\d$'),
      ADD wording_only text;

    CREATE TABLE purpose_versions (
      purpose_id text NOT NULL,
      version integer NOT NULL CHECK (version > 0),
      -- The words in every language, the attributes, and who asks.
      content jsonb NOT NULL,
      -- What everybody who saw an earlier one is asked about: {"about": "words"}, or {"about": [attributes]}; nothing when nobody is.
      asks jsonb,
      -- The last version, up to this one, that asks about the words.
      words_version integer NOT NULL,
      -- The reason for asking nobody about changed words, as it was given with this version.
      wording_only text,
      -- The last day on which it can be put off, until its end in UTC.
      accept_by text CHECK (accept_by ~ '^\\d{4}-\\d\\d-\\d\\d$'),
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (purpose_id, version)
    );

    CREATE TABLE answered_versions (
      -- At the end of a transaction: identities, by which the rows of a previous release are made, come before users.
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      purpose_id text NOT NULL,
      version integer NOT NULL,
      -- It could not be put off any more when they were shown it.
      was_due boolean NOT NULL DEFAULT false,
      PRIMARY KEY (user_id, purpose_id)
    );
    -- To count who saw a purpose, for operators.
    CREATE INDEX answered_versions_purpose_id_idx ON answered_versions (purpose_id);

    INSERT INTO purpose_versions (purpose_id, version, content, asks, words_version)
      SELECT id, 1, jsonb_build_object('purpose', purpose, 'description', description, 'translations', translations,
        'piiCategories', pii_categories, 'controller', '{"name": "Vestibule"}'::jsonb || organization), '{"about": "words"}', 1
      FROM purposes CROSS JOIN installation;
    INSERT INTO answered_versions (user_id, purpose_id, version) SELECT users.id, purposes.id, 1 FROM users CROSS JOIN purposes;

    -- A process of the previous release beside this one makes users and knows nothing of versions. It shows what is in force; this one says
    -- itself what it showed. A person is made together with the way in, before the user: whoever only gets another way in is no new person.
    CREATE FUNCTION show_versions() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NOT EXISTS (SELECT FROM users WHERE id = NEW.user_id) THEN
          INSERT INTO answered_versions (user_id, purpose_id, version)
            SELECT NEW.user_id, id, (SELECT max(version) FROM purpose_versions WHERE purpose_id = id) FROM purposes
            WHERE is_enabled AND EXISTS (SELECT FROM purpose_versions WHERE purpose_id = id)
            ON CONFLICT DO NOTHING;
        END IF;
        RETURN NULL;
      END
    $$;
    CREATE TRIGGER identities_show_versions AFTER INSERT ON identities FOR EACH ROW EXECUTE FUNCTION show_versions();
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
