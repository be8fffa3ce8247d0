// What a sign-in holds and then reads, for statements that end one at once. A statement sees what was committed before it began, however long it
// waits for a lock; what a function asks is seen as of the moment at which it asks. And the plan of a function is made once for a connection, so it is
// made to go by the indexes, whatever there was when it was made: a table that was nearly empty grows.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- Holds the idp (src/db/idps.ts, holdIdp) for somebody who is becoming a user by it; then whether they may.
    CREATE FUNCTION hold_newcomer(at_idp uuid, by_issuer text, by_subject text) RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off AS $$
      BEGIN
        PERFORM pg_advisory_xact_lock_shared(7135204, hashtext(at_idp::text));
        RETURN EXISTS (SELECT FROM idps WHERE id = at_idp AND is_enabled) AND NOT EXISTS (SELECT FROM identity_locks
          WHERE idp_id = at_idp AND issuer = by_issuer AND subject = by_subject AND unlocked_at IS NULL);
      END
    $$;

    -- What is kept of a user who comes in by an idp, as far as that may change it, in an order that is always the same. NULL where the person is not
    -- known as this user, or either of them is locked.
    CREATE FUNCTION kept_of(which uuid, at_idp uuid, by_issuer text, by_subject text) RETURNS jsonb STABLE LANGUAGE plpgsql SET enable_seqscan = off AS $$
      BEGIN
        RETURN (SELECT jsonb_build_object(
            'sent', i.sent,
            'stored', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.name, 'value', a.value, 'verified', a.verified,
                'origin', a.origin, 'originIdpId', a.origin_idp_id) ORDER BY a.name), '[]')
              FROM user_attributes a WHERE a.user_id = which),
            'consents', (SELECT coalesce(jsonb_agg(c), '[]') FROM (
              SELECT DISTINCT ON (purpose_id, attribute) purpose_id AS "purposeId", attribute, state FROM consents
              WHERE user_id = which AND state IN ('given', 'refused', 'withdrawn') ORDER BY purpose_id, attribute, sequence DESC) c),
            'roles', ARRAY(SELECT r.role FROM user_roles r
              WHERE r.user_id = which AND r.origin = 'idp' AND r.origin_idp_id = at_idp ORDER BY r.role))
          FROM users JOIN identities i ON i.user_id = users.id
          WHERE users.id = which AND i.idp_id = at_idp AND i.issuer = by_issuer AND i.subject = by_subject AND NOT is_locked
            AND NOT EXISTS (SELECT FROM identity_locks l
              WHERE l.idp_id = at_idp AND l.issuer = by_issuer AND l.subject = by_subject AND l.unlocked_at IS NULL));
      END
    $$;

    -- Whether a lock ends what began at that moment. What began in the second of the unlocking came after it.
    CREATE FUNCTION is_ended(begun_at timestamptz, locked_at timestamptz, unlocked_at timestamptz) RETURNS boolean STABLE LANGUAGE sql
      AS 'SELECT begun_at <= locked_at OR begun_at < date_trunc(''second'', unlocked_at)';

    -- Whether a user may go on by an idp with what they began at that moment, as far as they and their locks decide it: who they are there is not
    -- locked, nor was since.
    CREATE FUNCTION is_let_in(which uuid, at_idp uuid, begun_at timestamptz) RETURNS boolean STABLE LANGUAGE plpgsql
      SET enable_seqscan = off AS $$
      BEGIN
        RETURN (SELECT coalesce(bool_or(l.issuer IS NULL OR l.unlocked_at IS NOT NULL), false)
            AND NOT coalesce(bool_or(is_ended(begun_at, l.locked_at, l.unlocked_at)), false)
          FROM identities i LEFT JOIN identity_locks l ON l.idp_id = i.idp_id AND l.issuer = i.issuer AND l.subject = i.subject
          WHERE i.user_id = which AND i.idp_id = at_idp);
      END
    $$;

    -- Of the names that are wanted, by key, those that a user of their store has, or one of whose looks is that of such a name. Two look-ups of a
    -- constraint's index each: OR in one would not use them.
    CREATE FUNCTION taken_names(keys text[], stores text[], canonicals text[], looks text[]) RETURNS text[] STABLE LANGUAGE plpgsql
      SET enable_seqscan = off AS $$
      BEGIN
        RETURN ARRAY(
          SELECT key FROM unnest(keys, stores, canonicals) AS w (key, store, canonical)
            JOIN users ON users.store = w.store AND username_canonical = canonical
          UNION SELECT key FROM unnest(keys, stores, looks) AS w (key, store, look)
            JOIN users ON users.store = w.store AND username_look = sha256(convert_to(look, 'UTF8')));
      END
    $$;

    -- The same of a user who is held (src/db/users.ts, lockUser).
    CREATE FUNCTION hold_user(which uuid, at_idp uuid, by_issuer text, by_subject text) RETURNS jsonb LANGUAGE plpgsql SET enable_seqscan = off AS $$
      BEGIN
        PERFORM FROM users WHERE id = which FOR NO KEY UPDATE;
        RETURN kept_of(which, at_idp, by_issuer, by_subject);
      END
    $$;

    -- The roles of a user: what an operator gave, and what an idp granted that is on and grants it still.
    CREATE FUNCTION roles_of(which uuid) RETURNS text[] STABLE LANGUAGE plpgsql SET enable_seqscan = off AS $$
      BEGIN
        RETURN ARRAY(
          SELECT role FROM user_roles WHERE user_id = which AND origin = 'operator'
          UNION SELECT role FROM user_roles JOIN idps ON idps.id = origin_idp_id
          WHERE user_id = which AND origin = 'idp' AND is_enabled AND role IN (SELECT j.value FROM jsonb_each_text(role_mappings) j));
      END
    $$;

    -- What is kept of a user, by name.
    CREATE FUNCTION attributes_of(which uuid) RETURNS TABLE (name text, "displayName" text, value jsonb, verified boolean, origin text, idp text,
      since timestamptz) STABLE LANGUAGE plpgsql SET enable_seqscan = off AS $$
      BEGIN
        RETURN QUERY SELECT a.name, attributes.display_name, a.value, a.verified, a.origin, idps.display_name, a.updated_at
          FROM user_attributes a LEFT JOIN idps ON idps.id = a.origin_idp_id LEFT JOIN attributes ON attributes.name = a.name
          WHERE a.user_id = which ORDER BY a.name;
      END
    $$;

    -- What holds of what a user answered, and where they said it, oldest first.
    CREATE FUNCTION choices_of(which uuid) RETURNS json STABLE LANGUAGE plpgsql SET enable_seqscan = off AS $$
      BEGIN
        RETURN (SELECT coalesce(json_agg(c), '[]') FROM (
          SELECT purpose_id AS "purposeId", attribute, state, c.created_at AS at, c.language, channel,
            coalesce(idp_name, (SELECT display_name FROM idps WHERE id = idp_id)) AS idp, application_name AS application,
            (SELECT p FROM json_array_elements(content->'purposes') p WHERE p->>'id' = purpose_id LIMIT 1) AS seen
          FROM (SELECT DISTINCT ON (purpose_id, attribute) * FROM consents
            WHERE user_id = which AND state IN ('given', 'refused', 'withdrawn') ORDER BY purpose_id, attribute, sequence DESC) c
          LEFT JOIN notices ON notices.hash = notice_hash ORDER BY sequence) c);
      END
    $$;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
