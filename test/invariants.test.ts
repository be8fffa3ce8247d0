// The invariants are silent about a healthy database and say what is wrong with a broken one: each is broken here once, in a transaction
// that is undone, with the constraint that stands in the way dropped. What cannot fail would prove nothing.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { lookAtArrival } from '../src/db/arrivals.ts'
import type { Flow } from '../src/flow.ts'
import { allFromIdp } from '../src/provisioning/consent.ts'
import { endWithoutUser, provision, signIn } from '../src/provisioning/provision.ts'
import { flowWith, openHouse, startedFlow, type TestHouse } from './support/house.ts'
import { brokenInvariants, INVARIANTS } from './support/invariants.ts'
import { factsOf, profileOf } from './support/situations.ts'

const NOTICE = { hash: 'hash of a notice', language: 'en', content: '{}' }

let on: TestHouse
let client: pg.Client
/** The ids that the breaking statements and the sentences are made of. */
const ids = { asked: '', askedFlow: '', silent: '', silentFlow: '', local: '', federated: '', declined: '', open: '' }

const person = (name: string) => profileOf({ email: `${name}@acme.example`, department: 'Engines' }, ['email'], name)

async function made(name: string, isAsked: boolean): Promise<{ userId: string; flowId: string }> {
  const profile = { ...person(name), subject: `subject of ${name}`, roles: isAsked ? [] : ['editor'] }
  const idp = { ...on.idp, roleMappings: { 'acme-editors': 'editor' } }
  const flow = await flowWith(on, profile)
  const [email, ...others] = allFromIdp(profile, on.idp.id)
  const records = [
    { purposeId: 'recover', attribute: 'email', state: 'given' as const },
    { purposeId: 'recover', attribute: 'department', state: 'refused' as const },
  ]
  if (isAsked) await on.rows('UPDATE flows SET asked_at = now() WHERE id = $1', [flow.id])
  const outcome = await provision(
    on.house,
    flow,
    {
      idp: { ...idp, scheme: isAsked ? on.idp.scheme : 'PROVISION_SILENTLY' },
      application: { name: 'Travel' },
      profile,
      facts: factsOf(),
    },
    {
      store: 'PRIMARY',
      username: name,
      canonical: name,
      look: name,
      passwordHash: isAsked ? 'a hash' : null,
      attributes: email ? [email, ...(isAsked ? [] : others)] : [],
      ...(isAsked ? { consent: { notice: NOTICE, records } } : {}),
    },
  )
  if (outcome.kind !== 'created') throw new Error(outcome.kind)
  const again = await flowWith(on, profile)
  const { identity } = await lookAtArrival(on.house.db, { ...profile, idpId: idp.id }, [])
  const facts = factsOf({ user: { id: outcome.userId, isLocked: false } })
  await signIn(on.house, again, { idp, profile, facts }, identity ?? assert.fail())
  return { userId: outcome.userId, flowId: flow.id }
}

async function ended(ending: Parameters<typeof endWithoutUser>[2]): Promise<Flow> {
  const flow = await flowWith(on, person('nobody'))
  const { idp, ...facts } = factsOf()
  const isDecided = ending.kind !== 'declined'
  await endWithoutUser(
    on.house,
    flow,
    ending,
    isDecided ? { facts: { ...facts, idp: { ...idp, jitEnabled: false } } } : {},
  )
  return flow
}

const rows = async <Row>(sql: string, values?: unknown[]) => (await client.query(sql, values)).rows as Row[]

const NOBODY = '00000000-0000-4000-8000-000000000000'
/** A user without any row beside it. */
const WITHOUT_SIBLINGS = `INSERT INTO users VALUES ('${NOBODY}', 'PRIMARY', 'ned', 'ned', NULL)`

/** For each invariant: what breaks it, and what is then said of it. `:name` stands for an id. */
const breaks: Record<keyof typeof INVARIANTS, { by: string; says: string[] }> = {
  onePersonOneUser: {
    by: `ALTER TABLE identities DROP CONSTRAINT identities_pkey;
      UPDATE identities SET subject = 'subject of asha'`,
    says: ['users :both are one person'],
  },
  oneNameOneUser: {
    by: `ALTER TABLE users DROP CONSTRAINT users_store_username_key;
      UPDATE users SET username_canonical = 'asha' WHERE username IN ('asha', 'silke')`,
    says: ['users :both share a username'],
  },
  userHasAWayIn: {
    by: WITHOUT_SIBLINGS,
    says: [`user ${NOBODY} has neither an identity nor a password`],
  },
  userIsOnePerson: {
    by: `INSERT INTO identities SELECT idp_id, issuer, 'another', user_id, scheme FROM identities WHERE user_id = ':silent'`,
    says: ['user :silent has 2 identities'],
  },
  userKeepsItsIdentity: {
    by: `DELETE FROM identities WHERE user_id = ':asked'`,
    says: ['user :asked was created without an identity'],
  },
  userHasOneCreation: {
    by: `DELETE FROM audit_events WHERE event = 'user-created' AND user_id = ':silent'`,
    says: ['flow :silentFlow is closed without an event', 'user :silent has 0 events user-created'],
  },
  userWasMadeByAFlow: {
    by: `DELETE FROM flows WHERE id = ':silentFlow';
      UPDATE flows SET ending = ending || '{"kind": "federated"}' WHERE id = ':askedFlow'`,
    says: [
      'user :asked was made by flow :askedFlow, which does not say so',
      'user :silent was made by flow :silentFlow, which does not say so',
    ],
  },
  passwordFollowsTheScheme: {
    by: `UPDATE users SET password_hash = CASE WHEN id = ':silent' THEN 'a hash' END WHERE id IN (':asked', ':silent')`,
    says: [
      'user :asked was provisioned under PROMPT_USERNAME_PASSWORD_CONSENT without a password',
      'user :silent was provisioned under PROVISION_SILENTLY with a password',
    ],
  },
  askedBeforeMade: {
    by: `UPDATE flows SET asked_at = NULL`,
    says: ['user :asked was made under PROMPT_USERNAME_PASSWORD_CONSENT by flow :askedFlow, which asked nothing'],
  },
  askedHasAnswers: {
    by: `DELETE FROM consents; DELETE FROM user_attributes`,
    says: ['user :asked was made under PROMPT_USERNAME_PASSWORD_CONSENT without an answer'],
  },
  keptIsGranted: {
    // One was refused, of the other nobody was asked.
    by: `INSERT INTO user_attributes SELECT ':asked', 'department', value, NULL, 'idp', origin_idp_id FROM user_attributes
        WHERE name = 'department';
      INSERT INTO user_attributes VALUES (':asked', 'nickname', '"Ash"', NULL, 'person')`,
    says: [
      'user :asked has an attribute of origin idp that was not granted',
      'user :asked has an attribute of origin person that was not granted',
    ],
  },
  consentsOfAFlowAreOnePersons: {
    by: `UPDATE consents SET user_id = ':local' WHERE attribute = 'department'`,
    says: [
      'consents of flow :askedFlow belong to user :asked and to another',
      'consents of flow :askedFlow belong to user :local and to another',
      'consents of user :local name flow :askedFlow, which ended otherwise',
    ],
  },
  consentsAreOfTheirFlow: {
    by: `INSERT INTO consents (user_id, purpose_id, attribute, is_given, notice_hash, language, idp_id, flow_id, state, sequence, previous_hash, hash)
      SELECT user_id, purpose_id, 'name', false, notice_hash, language, idp_id, ':declined', 'refused', 99, '', '' FROM consents LIMIT 1`,
    says: ['consents of user :asked name flow :declined, which ended otherwise'],
  },
  roleIsOfItsIdp: {
    by: `INSERT INTO user_roles (user_id, role, origin) VALUES (':local', 'admin', 'operator');
      INSERT INTO user_roles SELECT ':local', role, origin, origin_idp_id FROM user_roles WHERE user_id = ':silent'`,
    says: ['user :local has a role of an idp that they do not come from'],
  },
  identityHasAUser: {
    by: `INSERT INTO identities SELECT idp_id, issuer, 'another', '${NOBODY}', scheme FROM identities LIMIT 1;
      INSERT INTO audit_events (event, user_id, facts, decision) VALUES ('user-created', '${NOBODY}', '{}', '{"kind": "create"}')`,
    says: [`an event of user ${NOBODY}, who is not there`, `an identity of user ${NOBODY}, who is not there`],
  },
  attributeHasAUser: {
    by: `INSERT INTO user_attributes VALUES ('${NOBODY}', 'name', '"Ned"', NULL, 'person')`,
    says: [`an attribute of user ${NOBODY}, who is not there`],
  },
  consentHasAUser: {
    by: `INSERT INTO consents (user_id, purpose_id, attribute, is_given, notice_hash, language, idp_id, flow_id, state, sequence, previous_hash, hash)
      SELECT '${NOBODY}', purpose_id, 'name', false, notice_hash, language, idp_id, 'swept', 'refused', 99, '', '' FROM consents LIMIT 1`,
    says: [`a consent of user ${NOBODY}, who is not there`],
  },
  roleHasAUser: {
    by: `INSERT INTO user_roles (user_id, role, origin) VALUES ('${NOBODY}', 'admin', 'operator')`,
    says: [`a role of user ${NOBODY}, who is not there`],
  },
  eventHasAUser: {
    by: `INSERT INTO audit_events (event, user_id) VALUES ('sign-in-local', '${NOBODY}')`,
    says: [`an event of user ${NOBODY}, who is not there`],
  },
  endingHasAUser: {
    by: `UPDATE flows SET ending = '{"kind": "signed-in", "userId": "${NOBODY}"}' WHERE id = ':declined'`,
    says: [`flow :declined ended with user ${NOBODY}, who is not there`],
  },
  closedHasAnEnding: {
    by: `ALTER TABLE flows DROP CONSTRAINT flows_closed_with_ending_check;
      UPDATE flows SET ending = NULL WHERE id = ':declined'`,
    says: ['flow :declined is closed without an ending, or ended without being closed'],
  },
  closedIsWiped: {
    by: `UPDATE flows SET person_hash = '' WHERE id = ':federated';
      UPDATE flows SET profile_sealed = '' WHERE id = ':declined'`,
    says: [
      'flow :declined is closed and still knows who it was about',
      'flow :federated is closed and still knows who it was about',
    ],
  },
  closedKeysAreWiped: {
    by: `INSERT INTO flow_keys (hash, flow_id, kind, sealed, created_at)
      SELECT sha256(kind::bytea), ':declined', kind, '', now() FROM unnest('{token,outcome}'::text[]) AS kind`,
    says: ['flow :declined is closed and a key of kind token still opens what it was about'],
  },
  closedHasAnEvent: {
    by: `DELETE FROM audit_events WHERE flow_id = ':declined'`,
    says: ['flow :declined is closed without an event'],
  },
  openHasNoEvent: {
    by: `INSERT INTO audit_events (event, flow_id) VALUES ('declined', ':open')`,
    says: ['event :event ends flow :open, which is open'],
  },
  eventIsKnown: {
    by: `UPDATE audit_events SET event = 'abandoned' WHERE flow_id = ':declined'`,
    says: ['event :declinedEvent is called abandoned', 'flow :declined is closed without an event'],
  },
  eventHasItsFacts: {
    by: `UPDATE audit_events SET facts = NULL, decision = NULL WHERE flow_id = ':federated';
      UPDATE audit_events SET facts = '{}' WHERE flow_id = ':declined'`,
    says: [
      'event :declinedEvent does not say what declined was decided by',
      'event :federatedEvent does not say what sign-in-federated was decided by',
    ],
  },
  eventFollowsItsDecision: {
    by: `UPDATE audit_events SET decision = '{"kind": "create"}' WHERE flow_id = ':federated';
      UPDATE audit_events SET decision = jsonb_set(decision, '{userId}', '"somebody else"') WHERE id = :againEvent`,
    says: [
      'event :againEvent is sign-in and was decided as sign-in',
      'event :federatedEvent is sign-in-federated and was decided as create',
    ],
  },
  shownWasSaid: {
    by: `DELETE FROM answered_versions;
      INSERT INTO answered_versions (user_id, purpose_id, version) SELECT ':silent', 'recover', 9`,
    says: ['user :silent was shown version 9 of recover, which is none'],
  },
  answeredWasSaid: {
    by: `INSERT INTO answered_attributes (user_id, purpose_id, attribute, version) SELECT ':silent', 'recover', 'email', 9`,
    says: ['user :silent answered version 9 of recover, which is none'],
  },
  askedIsOnRecord: {
    by: `UPDATE flows SET noted = '{}' WHERE id = ':askedFlow'; UPDATE audit_events SET asked = '{}' WHERE flow_id = ':declined'`,
    says: [
      'event :askedEvent does not say what flow :askedFlow asked',
      'event :declinedEvent does not say what flow :declined asked',
    ],
  },
  flowEndsOnce: {
    by: `DROP INDEX audit_events_flow_key; INSERT INTO audit_events (event, flow_id) VALUES ('declined', ':declined')`,
    says: ['flow :declined ended 2 times'],
  },
}

describe('The invariants', () => {
  before(async () => {
    on = await openHouse()
    const [asked, silent] = [await made('asha', true), await made('silke', false)]
    const local = 'a0000000-0000-4000-8000-000000000001'
    await on.rows(`INSERT INTO users VALUES ($1, 'PRIMARY', 'lola', 'lola', 'a hash')`, [local])
    Object.assign(ids, {
      asked: asked.userId,
      askedFlow: asked.flowId,
      silent: silent.userId,
      silentFlow: silent.flowId,
      local,
      federated: (await ended({ kind: 'federated' })).id,
      declined: (await ended({ kind: 'declined' })).id,
      open: (await startedFlow(on)).id,
    })
    const events = await on.rows<{ id: string; flow_id: string; event: string }>(
      'SELECT id, flow_id, event FROM audit_events',
    )
    for (const [name, flowId] of Object.entries({
      declined: ids.declined,
      federated: ids.federated,
      asked: ids.askedFlow,
    })) {
      Object.assign(ids, { [`${name}Event`]: events.find(({ flow_id }) => flow_id === flowId)?.id })
    }
    Object.assign(ids, { againEvent: events.find(({ event }) => event === 'sign-in')?.id })
    client = new pg.Client(on.url)
    await client.connect()
  })
  after(async () => {
    await client.end()
    await on.drop()
  })

  it('say nothing of users made silently and with answers, of a local one, and of flows that ended without one or are open', async () => {
    assert.deepEqual(await brokenInvariants(on.rows), [])
  })

  for (const [name, { by, says }] of Object.entries(breaks)) {
    it(`tell when ${name} is broken`, async () => {
      const named: Record<string, string> = { ...ids, both: [ids.asked, ids.silent].sort().join(', ') }
      const filled = (text: string) => text.replace(/:([a-z]\w*)/gi, (all, id: string) => named[id] ?? all)
      await client.query('BEGIN')
      try {
        // Rows that point nowhere: the triggers of foreign keys sleep for this transaction.
        await client.query(`SET LOCAL session_replication_role = replica; ${filled(by)}`)
        const [last] = await rows<{ id: string }>('SELECT max(id)::text AS id FROM audit_events')
        named['event'] = last?.id ?? ''
        const [own] = await rows(`SELECT broken FROM (${INVARIANTS[name as keyof typeof INVARIANTS]}) AS own`)
        assert.ok(own, 'the invariant itself is silent')
        assert.deepEqual((await brokenInvariants(rows)).sort(), says.map(filled).sort())
      } finally {
        await client.query('ROLLBACK')
      }
    })
  }
})
