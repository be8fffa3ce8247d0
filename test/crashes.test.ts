// A server that dies, or loses PostgreSQL in the middle of a sentence, leaves one whole user or none, and the person who tries once more is signed in.
// Each claim has a negative control: the same check on a program that was broken in one place must fail.
import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { connect } from '../src/db/connect.ts'
import { wasRecordKept } from '../src/db/oidc-records.ts'
import { sha256 } from '../src/seal.ts'
import { brokenCopy } from './support/broken-copy.ts'
import { openBrowser } from './support/browser.ts'
import { type Cut, type CuttingProxy, startCuttingProxy } from './support/cutting-proxy.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { brokenInvariants } from './support/invariants.ts'
import { killThem, lastStepOf, type Moment, type Plan, signInDespite } from './support/kills.ts'
import { travel, traveller } from './support/patience.ts'
import { arrive, stranger } from './support/road.ts'
import { MODES, type Mode, testCluster } from './support/scene.ts'
import { knownPerson, newcomer, signedIn } from './support/visits.ts'

const LANES = 3

describe('a server killed with SIGKILL', () => {
  let fleet: Fleet
  before(async () => {
    fleet = await startFleet({ servers: 1 })
  })
  afterAll(() => fleet?.stop())

  it('while it answers the last step of any mode leaves nothing, or one whole user, and one retry signs in', async () => {
    const seen = await killThem(fleet, MODES.flatMap(plansFor), LANES)
    // In each mode once before PostgreSQL is asked to begin, once before all is said, once with all kept and nobody told.
    assert.deepEqual(
      seen.map(({ hit, got }) => `${hit}, ${got}`),
      MODES.flatMap(() => ['before, nothing', 'inside, nothing', 'after, nothing']),
    )
    assert.deepEqual(
      seen.map(({ wasThere }) => wasThere),
      MODES.flatMap((mode) => [false, false, mode !== 'none']),
    )
  })

  it('on the way out of a sign-in that made nobody leaves a way out', async () => {
    // Between COMMIT and the answer a grant, the claims and the result are kept for the door, and the profile is wiped.
    const words = [
      'WITH owner AS (SELECT 1 FROM users',
      'INSERT INTO federated_claims',
      'UPDATE flows SET profile_sealed = NULL',
    ]
    const plans = words.map((from): Plan => ({ mode: 'none', step: 'callback', moment: after(from), retry: 'again' }))
    const seen = await killThem(fleet, plans, LANES)
    assert.deepEqual(
      seen.map(({ hit, got }) => `${hit}, ${got}`),
      words.map(() => 'after, nothing'),
    )
  })

  function plansFor(mode: Mode): Plan[] {
    const step = lastStepOf(mode)
    const isCallback = step === 'callback'
    return [
      // A callback whose code was exchanged in vain: the person does not wait for what will never come.
      {
        mode,
        step,
        moment: after('SELECT (SELECT version FROM configured)'),
        retry: isCallback ? 'application' : 'again',
      },
      { mode, step, moment: after('UPDATE flows SET closed_at'), retry: isCallback ? 'again' : 'back' },
      { mode, step, moment: after('COMMIT'), retry: 'again' },
    ]
  }
})

describe('a connection to PostgreSQL that is cut', () => {
  let fleet: Fleet
  let wire: CuttingProxy
  before(async () => {
    fleet = await startFleet({ servers: 0 })
    // By way of the pooler, where the suite runs through one.
    wire = await startCuttingProxy((await testCluster()).forProduct(fleet.databaseUrl))
    await fleet.start({ DATABASE_URL: wire.url })
    await fleet.start({ DATABASE_URL: wire.url })
  })
  afterAll(async () => {
    await fleet?.stop()
    await wire?.stop()
  })

  it('after COMMIT was sent and before its answer is noticed by nobody, whichever COMMIT of a sign-in it is', async () => {
    for (const mode of MODES) assert.deepEqual(await loseEachCommit(fleet, wire, mode, 'after'), [0, 0, 0, 0], mode)
  })

  it('before COMMIT was sent makes nobody wait for their user, and asks them to try a step at the door again', async () => {
    assert.deepEqual(await loseEachCommit(fleet, wire, 'username', 'before'), [0, 1, 1, 1])
  })

  it('after COMMIT was sent gives an application its new tokens', async () => {
    const person = stranger(fleet)
    await arrive(fleet, openBrowser(), 'silent', person, { query: '?scope=openid+offline_access' })
    const { refreshToken } = signedIn(fleet.application).tokens
    wire.cut = cutCommit(1, 'after')
    const headers = { Authorization: `Basic ${btoa('travel:a+secret+of+the+travel+application')}` }
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken ?? '' })
    const response = await fetch(`${fleet.url}/oauth2/token`, { method: 'POST', headers, body })
    assert.equal(response.status, 200, await response.text())
  })
})

describe('what came of a COMMIT that nobody heard of', () => {
  // Fails when a record that is not there yet counts as one that never will be.
  for (const [end, isKept] of [
    ['COMMIT', true],
    ['ROLLBACK', false],
  ] as const) {
    it(`is known when it is over, and not before: ${end}`, async () => {
      const database = await (await testCluster()).clone()
      const db = connect({ url: database.url, poolMax: 2, ssl: false, onError: () => {} })
      const other = new Client({ connectionString: database.url })
      await other.connect()
      const [now, id] = [new Date(), sha256('an id')]
      await other.query('BEGIN')
      await other.query(
        "INSERT INTO oidc_records (model, id_hash, payload_sealed, expires_at) VALUES ('AccessToken', $1, '', $2)",
        [id, new Date(now.getTime() + 60_000)],
      )
      const looking = wasRecordKept(db, 'AccessToken', id, now)
      assert.equal(await Promise.race([looking, sleep(300)]), undefined)
      await other.query(end)
      assert.equal(await looking, isKept)
      // An answer that is lost as well changes nothing.
      assert.equal(await wasRecordKept(db, 'AccessToken', id, now), isKept)
      await Promise.all([other.end(), db.destroy()])
      await database.drop()
    })
  }
})

describe('NEGATIVE CONTROL: a crash', () => {
  const PROVISION = 'provisioning/provision.js'
  const closing = 'closeFlow(db, flow.id, { ...signedInAs(userId, idp, profile), isNew: true }, now)'
  const outside = closing.replace('db', 'house.db')
  const consent = { mode: 'consent', step: 'answer', retry: 'again' } as const

  it('leaves an ending with nobody where the flow is closed outside the transaction', async () => {
    await withBroken([PROVISION, closing, outside], async (fleet, wire) => {
      const plan: Plan = { ...consent, moment: after('WITH identity AS') }
      await assert.rejects(killThem(fleet, [plan], 1), /With a server killed/)
      // The door has refused by then whom such an ending names; that nothing tells of it shows what happened.
      assert.match((await brokenInvariants(fleet.rows)).join(), /is closed without an event/)
      await assert.rejects(signInDespite(fleet, lostCommit('consent', 'before'), { wire, happen: () => {} }))
    })
  })

  it('leaves half a user where the transaction is two', async () => {
    // The user is kept before what belongs to it.
    const answers = 'const said = user.consent ?? user.refusal;'
    await withBroken([PROVISION, answers, `await db.ask('COMMIT; BEGIN', []); ${answers}`], async (fleet) => {
      await assert.rejects(
        killThem(fleet, [{ ...consent, moment: after('INSERT INTO notices') }], 1),
        /With a server killed/,
      )
      assert.match((await brokenInvariants(fleet.rows)).join(), /has 0 events user-created/)
    })
  })

  it('ends a flow twice where the flow is closed after COMMIT was answered, when the answer is lost', async () => {
    // Nothing is wrong with it until the answer to COMMIT is lost: then the user is there and the flow still open.
    const closed = `{ applicationId: null, door: 'application', wasAsked: true, noted: null, cameBack: 0, problemCodes: [], failure: null }`
    const whenCommitted = `((client) => {
      const ask = client._query
      client._query = async (...of) => {
        if (of[1].sql !== 'COMMIT') return ask.apply(client, of)
        client._query = ask
        const answer = await ask.apply(client, of)
        await ${outside}
        return answer
      }
    })(house.db.client)`
    const later = `(${whenCommitted}, ${closed})`
    await withBroken([PROVISION, closing, later], async (fleet, wire) => {
      // The database itself would refuse the second record.
      await fleet.rows('DROP INDEX audit_events_flow_key')
      const seen = signInDespite(fleet, lostCommit('consent', 'after'), { wire, happen: () => {} })
      await assert.rejects(seen, /ended 2 times/)
    })
  })

  it('uses the way out, or a code, up for nobody where nobody looks what came of a COMMIT without an answer', async () => {
    const looking = 'done && isUncertain(error)'
    await withBroken(['db/connect.js', looking, `false && ${looking}`], async (fleet, wire) => {
      await assert.rejects(loseEachCommit(fleet, wire, 'silent', 'after', 3), /400 .*We could not read that request/)
      await assert.rejects(loseEachCommit(fleet, wire, 'silent', 'after', 4), /invalid_grant/)
    })
  })

  it('asks people to try again where a transaction is not', async () => {
    const retry = 'wasUndone(error) || isLost(error))'
    await withBroken(['db/connect.js', retry, 'wasUndone(error))'], async (fleet, wire) => {
      assert.deepEqual((await loseEachCommit(fleet, wire, 'silent', 'after'))[0], 1)
    })
  })
})

/** Runs `work` on one server that was broken in one place, with a wire of its own. */
async function withBroken(
  [file, from, to]: [file: string, from: string, to: string],
  work: (fleet: Fleet, wire: CuttingProxy) => Promise<void>,
): Promise<void> {
  const copy = await brokenCopy(file, from, to)
  const fleet = await startFleet({ servers: 0, program: copy.folder })
  const wire = await startCuttingProxy(fleet.databaseUrl)
  try {
    await fleet.start({ DATABASE_URL: wire.url })
    await work(fleet, wire)
  } finally {
    await fleet.stop()
    await wire.stop()
    await copy.remove()
  }
}

/**
 * Lets people sign in, one after another, until each COMMIT that this takes, from the `first`, was cut once; how often each had to try again.
 * Fails unless each becomes one whole user, or nobody where nobody is provisioned.
 */
async function loseEachCommit(fleet: Fleet, wire: CuttingProxy, mode: Mode, where: 'before' | 'after', first = 1) {
  const waits: number[] = []
  for (let number = first, isCut = true; isCut; number += 1) {
    isCut = false
    wire.onCut = () => {
      isCut = true
    }
    wire.cut = cutCommit(number, where)
    const who = traveller(fleet, mode, newcomer())
    const subject = await travel(who)
    if (mode === 'none') {
      assert.match(subject, /^fed\./)
    } else {
      const { user, identities, events } = await knownPerson(fleet, who.person.sub)
      assert.deepEqual([subject, identities.length], [user.id, 1])
      assert.deepEqual(
        events.map(({ event }) => event),
        ['user-created'],
      )
    }
    if (isCut) waits.push(who.waits)
    else assert.equal(who.waits, 0)
  }
  assert.deepEqual(await brokenInvariants(fleet.rows), [])
  return waits
}

/** Cuts at the COMMIT of this number, counted from now. */
function cutCommit(number: number, where: 'before' | 'after'): Cut {
  let count = 0
  return (sql) => {
    if (!sql.startsWith('COMMIT')) return undefined
    count += 1
    return count === number ? where : undefined
  }
}

function lostCommit(mode: Mode, where: 'before' | 'after'): Plan {
  const moment: Moment = { kind: 'statement', number: 1, from: 'COMMIT', where }
  const retry = mode === 'silent' || mode === 'password' ? 'application' : 'again'
  return { mode, step: lastStepOf(mode), moment, retry }
}

/** When the first statement with these words has been carried out, and nobody has been told. */
function after(from: string): Moment {
  return { kind: 'statement', number: 1, from, where: 'after' }
}
