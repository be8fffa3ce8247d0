// What people answered becomes a record: it only grows, and each answer of a person holds the hash of the one before. A process of an earlier
// version beside this one goes on writing answers as it did; the database makes records of them.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    ALTER TABLE consents
      -- given, refused: to a question. withdrawn: a yes taken back. change-refused: asked again because a purpose had changed, and not taken;
      -- what was said before holds. closed: the last record of a person, of no purpose and no attribute.
      ADD state text CHECK (state IN ('given', 'refused', 'withdrawn', 'change-refused', 'closed')),
      -- Where: at a sign-in through an idp, or in My Account.
      ADD channel text NOT NULL DEFAULT 'sign-in' CHECK (channel IN ('sign-in', 'my-account')),
      -- What the idp and the application were called then.
      ADD idp_name text,
      ADD application_name text,
      ADD sequence integer,
      ADD previous_hash bytea,
      ADD hash bytea,
      ALTER idp_id DROP NOT NULL,
      ALTER flow_id DROP NOT NULL,
      ALTER notice_hash DROP NOT NULL;

    -- Of each person the last record. No reference to users: what was agreed to outlives them, without their values.
    CREATE TABLE consent_heads (
      user_id uuid PRIMARY KEY,
      sequence integer NOT NULL,
      hash bytea NOT NULL CHECK (length(hash) = 32)
    );

    -- What is hashed: a line for each column, and the words by their own hash.
    CREATE FUNCTION consent_text(c consents) RETURNS text LANGUAGE sql STABLE AS $$
      SELECT concat_ws(E'\\n', 'vestibule consent 1', c.user_id, c.sequence, c.purpose_id, c.attribute, c.state, c.channel,
        coalesce(c.notice_hash, ''), c.language, coalesce(c.idp_id::text, ''), coalesce(to_json(c.idp_name)::text, ''),
        coalesce(to_json(c.application_name)::text, ''), coalesce(c.flow_id, ''),
        to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), encode(c.previous_hash, 'hex'))
    $$;

    -- Sets what makes a chain of the records of a person. Whoever writes for them at the same time waits for the other's last record.
    CREATE FUNCTION chain_consent() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        head consent_heads;
      BEGIN
        NEW.state := coalesce(NEW.state, CASE WHEN NEW.is_given THEN 'given' ELSE 'refused' END);
        NEW.is_given := NEW.state = 'given';
        INSERT INTO consent_heads (user_id, sequence, hash) VALUES (NEW.user_id, 0, sha256(convert_to(NEW.user_id::text, 'UTF8')))
          ON CONFLICT (user_id) DO NOTHING;
        SELECT * INTO head FROM consent_heads WHERE user_id = NEW.user_id FOR UPDATE;
        NEW.sequence := head.sequence + 1;
        NEW.previous_hash := head.hash;
        NEW.hash := sha256(convert_to(consent_text(NEW), 'UTF8'));
        UPDATE consent_heads SET sequence = NEW.sequence, hash = NEW.hash WHERE user_id = NEW.user_id;
        RETURN NEW;
      END
    $$;

    -- Those that are there already, in their order.
    DO $$
      DECLARE
        c consents;
        last consents;
      BEGIN
        FOR c IN SELECT * FROM consents ORDER BY user_id, id LOOP
          c.state := CASE WHEN c.is_given THEN 'given' ELSE 'refused' END;
          IF last.user_id = c.user_id THEN
            c.sequence := last.sequence + 1;
            c.previous_hash := last.hash;
          ELSE
            c.sequence := 1;
            c.previous_hash := sha256(convert_to(c.user_id::text, 'UTF8'));
          END IF;
          c.hash := sha256(convert_to(consent_text(c), 'UTF8'));
          UPDATE consents SET state = c.state, sequence = c.sequence, previous_hash = c.previous_hash, hash = c.hash WHERE id = c.id;
          last := c;
        END LOOP;
      END
    $$;
    INSERT INTO consent_heads (user_id, sequence, hash)
      SELECT DISTINCT ON (user_id) user_id, sequence, hash FROM consents ORDER BY user_id, sequence DESC;

    ALTER TABLE consents
      ALTER state SET NOT NULL,
      ALTER sequence SET NOT NULL,
      ALTER previous_hash SET NOT NULL,
      ALTER hash SET NOT NULL,
      ADD CONSTRAINT consents_sequence_key UNIQUE (user_id, sequence),
      ADD CONSTRAINT consents_given_check CHECK (is_given = (state = 'given')),
      -- An answer is one to words; only the last record has none.
      ADD CONSTRAINT consents_words_check CHECK ((state = 'closed') = (notice_hash IS NULL));
    -- The constraint's index begins with the user, too.
    DROP INDEX consents_user_id_idx;

    CREATE TRIGGER consents_chain BEFORE INSERT ON consents FOR EACH ROW EXECUTE FUNCTION chain_consent();
    CREATE TRIGGER consents_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON consents
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    -- The words that were agreed to are part of what they agreed to.
    CREATE TRIGGER notices_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON notices
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
