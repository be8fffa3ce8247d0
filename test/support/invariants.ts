// What must be true of the rows at every moment, whatever happened before: asked of the database itself, never of the program.

/** Runs SQL, as `Product.rows` does. */
export type Rows = <Row = Record<string, unknown>>(sql: string, values?: unknown[]) => Promise<Row[]>

/** The events that end a flow: each is written by the transaction that closes it. What nobody ended, 'expired', is written when its flow goes. */
const ENDINGS = `('user-created', 'sign-in', 'sign-in-federated', 'sign-in-local', 'declined', 'refused', 'idp-denied', 'idp-failed')`

/** Of an event `e`, that a user was made: also where their flow ended otherwise after that, at the second factor or at the door. */
const IS_CREATION = `'user-created' IN (e.event, e.detail->>'late')`

/** Each made user with its event, person and flow. */
const MADE = `audit_events e JOIN users u ON u.id = e.user_id AND ${IS_CREATION}
  JOIN identities i ON i.user_id = u.id LEFT JOIN flows f ON f.id = e.flow_id`

/**
 * One query for each invariant: it gives a sentence for each violation. Sentences name ids and never values.
 * I1 (one user per person and per name), I3 (user, identity, password, consents and event together or not at all) and I7 (one
 * ending per flow) of the catalogue can be seen in rows, and so can what they lean on: nothing points to nobody, and what the
 * idp sent is gone from a flow that is over. I2, I4, I5 and I6 compare two moments, which is the caller's to do.
 */
export const INVARIANTS = {
  onePersonOneUser: `
    SELECT 'users ' || string_agg(user_id::text, ', ' ORDER BY user_id) || ' are one person' AS broken
    FROM identities GROUP BY idp_id, issuer, subject HAVING count(*) > 1`,
  oneNameOneUser: `
    SELECT 'users ' || string_agg(id::text, ', ' ORDER BY id) || ' share a username' AS broken
    FROM users GROUP BY store, username_canonical HAVING count(*) > 1`,

  // Nobody could ever sign in as a user with neither. With a password and no identity: a local user, made without a flow.
  userHasAWayIn: `
    SELECT 'user ' || id || ' has neither an identity nor a password' AS broken FROM users u
    WHERE password_hash IS NULL AND NOT EXISTS (SELECT FROM identities i WHERE i.user_id = u.id)`,
  userIsOnePerson: `
    SELECT 'user ' || user_id || ' has ' || count(*) || ' identities' AS broken
    FROM identities GROUP BY user_id HAVING count(*) > 1`,
  userKeepsItsIdentity: `
    SELECT 'user ' || u.id || ' was created without an identity' AS broken
    FROM audit_events e JOIN users u ON u.id = e.user_id
    WHERE ${IS_CREATION} AND NOT EXISTS
      (SELECT FROM identities i WHERE i.user_id = u.id AND i.idp_id = e.idp_id)`,
  userHasOneCreation: `
    SELECT 'user ' || i.user_id || ' has ' || count(e.id) || ' events user-created' AS broken
    FROM identities i LEFT JOIN audit_events e ON e.user_id = i.user_id AND ${IS_CREATION}
    GROUP BY i.idp_id, i.issuer, i.subject, i.user_id HAVING count(e.id) <> 1`,
  userWasMadeByAFlow: `
    SELECT 'user ' || u.id || ' was made by flow ' || coalesce(e.flow_id, 'none') || ', which does not say so' AS broken
    FROM ${MADE}
    WHERE f.id IS NULL OR f.closed_at IS NULL OR f.idp_id IS DISTINCT FROM i.idp_id
      OR CASE e.event WHEN 'user-created' THEN f.ending->>'kind' IS DISTINCT FROM 'signed-in' OR f.ending->>'userId' IS DISTINCT FROM u.id::text
        WHEN 'declined' THEN f.made->>'userId' IS DISTINCT FROM u.id::text ELSE false END`,
  passwordFollowsTheScheme: `
    SELECT 'user ' || u.id || ' was provisioned under ' || scheme || CASE WHEN password_hash IS NULL
      THEN ' without a password' ELSE ' with a password' END AS broken
    FROM users u JOIN identities i ON i.user_id = u.id
    WHERE (scheme IN ('PROMPT_PASSWORD_CONSENT', 'PROMPT_USERNAME_PASSWORD_CONSENT')) <> (password_hash IS NOT NULL)`,

  // A scheme recorded as PROMPT_… means that the person was asked.
  askedBeforeMade: `
    SELECT 'user ' || u.id || ' was made under ' || i.scheme || ' by flow ' || f.id || ', which asked nothing' AS broken
    FROM ${MADE} WHERE i.scheme <> 'PROVISION_SILENTLY' AND f.asked_at IS NULL AND f.id IS NOT NULL`,
  // No answers are right only where the page had no box: nothing was kept, and no purpose needs anything.
  askedHasAnswers: `
    SELECT 'user ' || u.id || ' was made under ' || i.scheme || ' without an answer' AS broken
    FROM ${MADE}
    WHERE i.scheme <> 'PROVISION_SILENTLY'
      AND NOT EXISTS (SELECT FROM consents c WHERE c.user_id = u.id AND c.flow_id = e.flow_id AND c.idp_id = i.idp_id)
      AND (e.detail->>'attributes' IS DISTINCT FROM '0' OR EXISTS (
        SELECT FROM purposes p WHERE p.is_enabled AND p.created_at <= u.created_at
          AND p.pii_categories @> '[{"mandatory": true}]'))`,
  keptIsGranted: `
    SELECT 'user ' || a.user_id || ' has an attribute of origin ' || a.origin || ' that was not granted' AS broken
    FROM user_attributes a JOIN identities i ON i.user_id = a.user_id
    WHERE i.scheme <> 'PROVISION_SILENTLY' AND a.origin IN ('idp', 'person') AND NOT EXISTS (
      SELECT FROM (
        SELECT DISTINCT ON (purpose_id) is_given FROM consents c
        WHERE c.user_id = a.user_id AND c.attribute = a.name AND c.state <> 'change-refused' ORDER BY purpose_id, id DESC
      ) latest WHERE is_given)`,
  consentsOfAFlowAreOnePersons: `
    SELECT 'consents of flow ' || c.flow_id || ' belong to user ' || c.user_id || ' and to another' AS broken
    FROM consents c JOIN consents d ON d.flow_id = c.flow_id AND d.user_id <> c.user_id GROUP BY c.flow_id, c.user_id`,
  consentsAreOfTheirFlow: `
    SELECT 'consents of user ' || c.user_id || ' name flow ' || c.flow_id || ', which ended otherwise' AS broken
    FROM consents c JOIN flows f ON f.id = c.flow_id
    WHERE coalesce(f.ending->>'userId', f.made->>'userId') IS DISTINCT FROM c.user_id::text GROUP BY c.user_id, c.flow_id`,

  roleIsOfItsIdp: `
    SELECT 'user ' || r.user_id || ' has a role of an idp that they do not come from' AS broken FROM user_roles r
    WHERE r.origin = 'idp' AND NOT EXISTS
      (SELECT FROM identities i WHERE i.user_id = r.user_id AND i.idp_id = r.origin_idp_id)`,

  identityHasAUser: missingUser('an identity', 'identities'),
  attributeHasAUser: missingUser('an attribute', 'user_attributes'),
  consentHasAUser: missingUser('a consent', 'consents'),
  roleHasAUser: missingUser('a role', 'user_roles'),
  eventHasAUser: missingUser('an event', 'audit_events'),
  endingHasAUser: `
    SELECT 'flow ' || f.id || ' ended with user ' || (f.ending->>'userId') || ', who is not there' AS broken FROM flows f
    WHERE f.ending->>'userId' IS NOT NULL AND NOT EXISTS (SELECT FROM users u WHERE u.id::text = f.ending->>'userId')`,

  closedHasAnEnding: `
    SELECT 'flow ' || id || ' is closed without an ending, or ended without being closed' AS broken FROM flows
    WHERE (closed_at IS NULL) <> (ending IS NULL)`,
  // Of a federated ending the door still takes the profile; whose flow it was is nobody's business even then.
  closedIsWiped: `
    SELECT 'flow ' || id || ' is closed and still knows who it was about' AS broken FROM flows
    WHERE closed_at IS NOT NULL
      AND (person_hash IS NOT NULL OR (profile_sealed IS NOT NULL AND ending->>'kind' IS DISTINCT FROM 'federated'))`,
  // The outcome, which the door gives out, is made of the ending.
  closedKeysAreWiped: `
    SELECT 'flow ' || f.id || ' is closed and a key of kind ' || k.kind || ' still opens what it was about' AS broken
    FROM flows f JOIN flow_keys k ON k.flow_id = f.id
    WHERE f.closed_at IS NOT NULL AND k.sealed IS NOT NULL AND k.kind <> 'outcome'`,
  closedHasAnEvent: `
    SELECT 'flow ' || id || ' is closed without an event' AS broken FROM flows f
    WHERE closed_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM audit_events e WHERE e.flow_id = f.id AND e.event IN ${ENDINGS})`,
  openHasNoEvent: `
    SELECT 'event ' || e.id || ' ends flow ' || f.id || ', which is open' AS broken
    FROM audit_events e JOIN flows f ON f.id = e.flow_id WHERE e.event IN ${ENDINGS} AND f.closed_at IS NULL`,
  eventIsKnown: `
    SELECT 'event ' || id || ' is called ' || event AS broken FROM audit_events WHERE event <> 'expired' AND event NOT IN ${ENDINGS}`,
  // Whoever was let in, or kept out by a rule, was so by a decision, and it says why.
  eventHasItsFacts: `
    SELECT 'event ' || id || ' does not say what ' || event || ' was decided by' AS broken FROM audit_events
    WHERE (facts IS NULL) <> (decision IS NULL) OR facts IS NULL AND (event IN ('user-created', 'sign-in', 'sign-in-federated')
      OR event = 'refused' AND detail->>'code' <> 'IDP_OFF')`,
  eventFollowsItsDecision: `
    SELECT 'event ' || id || ' is ' || event || ' and was decided as ' || (decision->>'kind') AS broken FROM audit_events
    WHERE CASE event WHEN 'sign-in' THEN CASE
        WHEN decision->'because' = '["purpose-changed"]' THEN facts->'user'->>'id' IS DISTINCT FROM user_id::text OR detail->>'answer' IS NULL
        ELSE decision->>'kind' <> 'sign-in' OR decision->>'userId' IS DISTINCT FROM user_id::text END
      WHEN 'sign-in-federated' THEN decision->>'kind' <> 'sign-in-federated'
      WHEN 'user-created' THEN decision->>'kind' NOT IN ('create', 'ask')
      WHEN 'refused' THEN decision->>'because' <> CASE detail->>'code' WHEN 'CONSENT_DUE' THEN '["purpose-changed"]' ELSE detail->>'code' END
      WHEN 'sign-in-local' THEN decision IS NOT NULL ELSE false END`,
  // What somebody was shown has been said, and nobody is shown what is not said yet.
  shownWasSaid: `
    SELECT 'user ' || user_id || ' was shown version ' || version || ' of ' || purpose_id || ', which is none' AS broken FROM answered_versions a
    WHERE NOT EXISTS (SELECT FROM purpose_versions v WHERE v.purpose_id = a.purpose_id AND v.version = a.version)`,
  answeredWasSaid: `
    SELECT 'user ' || user_id || ' answered version ' || version || ' of ' || purpose_id || ', which is none' AS broken FROM answered_attributes a
    WHERE NOT EXISTS (SELECT FROM purpose_versions v WHERE v.purpose_id = a.purpose_id AND v.version = a.version)`,
  // Of what was asked the record says it: the flow knows no more when it is gone.
  askedIsOnRecord: `
    SELECT 'event ' || e.id || ' does not say what flow ' || f.id || ' asked' AS broken FROM audit_events e JOIN flows f ON f.id = e.flow_id
    WHERE (f.noted IS NOT NULL AND f.asked_at IS NOT NULL) <> (e.asked IS NOT NULL)`,
  flowEndsOnce: `
    SELECT 'flow ' || flow_id || ' ended ' || count(*) || ' times' AS broken
    FROM audit_events WHERE event IN ${ENDINGS} AND flow_id IS NOT NULL GROUP BY flow_id HAVING count(*) > 1`,
} satisfies Record<string, string>

/**
 * One sentence for each violation of an invariant found in the database, in no order; none is well. Flows that the sweep has
 * removed count as missing, so ask before a test moves the clock by a flow's life. Never throws because of what it finds.
 */
export async function brokenInvariants(rows: Rows): Promise<string[]> {
  const all = Object.values(INVARIANTS).map((sql) => `SELECT broken FROM (${sql}) AS found`)
  return (await rows<{ broken: string }>(all.join('\nUNION ALL\n'))).map(({ broken }) => broken)
}

function missingUser(what: string, table: string): string {
  return `
    SELECT '${what} of user ' || t.user_id || ', who is not there' AS broken FROM ${table} t
    WHERE t.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM users u WHERE u.id = t.user_id) GROUP BY t.user_id`
}
