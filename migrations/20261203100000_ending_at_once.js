// What a sign-in holds and then reads, for statements that end one at once. A statement sees what was committed before it began, however long it
// waits for a lock; what a function asks is seen as of the moment at which it asks.

/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.raw(`
    -- Holds the idp (src/db/idps.ts, holdIdp) for somebody who is becoming a user by it; then whether they may.
    CREATE FUNCTION hold_newcomer(at_idp uuid, by_issuer text, by_subject text) RETURNS boolean LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_advisory_xact_lock_shared(7135204, hashtext(at_idp::text));
        RETURN EXISTS (SELECT FROM idps WHERE id = at_idp AND is_enabled) AND NOT EXISTS (SELECT FROM identity_locks
          WHERE idp_id = at_idp AND issuer = by_issuer AND subject = by_subject AND unlocked_at IS NULL);
      END
    $$;

    -- What is kept of a user who comes in by an idp, as far as that may change it, in an order that is always the same. NULL where the person is not
    -- known as this user, or either of them is locked.
    CREATE FUNCTION kept_of(which uuid, at_idp uuid, by_issuer text, by_subject text) RETURNS jsonb STABLE LANGUAGE plpgsql AS $$
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

    -- The same of a user who is held (src/db/users.ts, lockUser).
    CREATE FUNCTION hold_user(which uuid, at_idp uuid, by_issuer text, by_subject text) RETURNS jsonb LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM FROM users WHERE id = which FOR NO KEY UPDATE;
        RETURN kept_of(which, at_idp, by_issuer, by_subject);
      END
    $$;
  `)
}

/** @param {import('knex').Knex} _db */
export async function down(_db) {
  throw new Error('Migrations only go forward.')
}
