// How pages look and what they say, as chosen in the console: one draft, and what was published.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    CREATE TABLE appearances (
      -- A new one at each change: the id of a draft is its version, and the highest published one is in use.
      id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      -- By scheme (light, dark) and name.
      tokens jsonb NOT NULL CHECK (jsonb_typeof(tokens) = 'object' AND octet_length(tokens::text) <= 10000),
      -- By language (BCP 47) and key.
      words jsonb NOT NULL CHECK (jsonb_typeof(words) = 'object' AND octet_length(words::text) <= 400000),
      logo bytea CHECK (octet_length(logo) BETWEEN 1 AND 102400),
      logo_type text CHECK (logo_type IN ('image/png', 'image/webp', 'image/svg+xml')),
      note text NOT NULL DEFAULT '' CHECK (char_length(note) <= 200),
      created_at timestamptz NOT NULL,
      created_by text NOT NULL,
      -- NULL: a draft, which nobody but operators sees.
      published_at timestamptz,
      published_by text,
      CONSTRAINT appearances_picture_check CHECK ((logo IS NULL) = (logo_type IS NULL)),
      CONSTRAINT appearances_publication_check CHECK ((published_at IS NULL) = (published_by IS NULL))
    );
    CREATE UNIQUE INDEX appearances_draft_key ON appearances ((true)) WHERE published_at IS NULL;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
