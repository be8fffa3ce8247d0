// A server that dies, or loses PostgreSQL in the middle of a sentence, leaves one whole user or none, and the person who tries once more is signed in.
// Each claim has a negative control: the same check on a program that was broken in one place must fail.
import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { brokenCopy } from './support/broken-copy.ts'
import { type CuttingProxy, startCuttingProxy } from './support/cutting-proxy.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { brokenInvariants } from './support/invariants.ts'
import { killThem, lastStepOf, type Moment, type Plan, signInDespite } from './support/kills.ts'
import { MODES, type Mode } from './support/scene.ts'

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
    const words = ['INSERT INTO oidc_records', 'INSERT INTO federated_claims', 'UPDATE flows SET profile_sealed = NULL']
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
      { mode, step, moment: after('SELECT organization'), retry: isCallback ? 'application' : 'again' },
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
    wire = await startCuttingProxy(fleet.databaseUrl)
    await fleet.start({ DATABASE_URL: wire.url })
    await fleet.start({ DATABASE_URL: wire.url })
  })
  afterAll(async () => {
    await fleet?.stop()
    await wire?.stop()
  })

  it('before COMMIT was sent is a page that says to try again, and trying again makes the user', async () => {
    for (const mode of MODES) {
      const seen = await signInDespite(fleet, lostCommit(mode, 'before'), { wire, happen: () => {} })
      assert.deepEqual([seen.hit, seen.got, seen.wasThere], ['inside', 'try again', false], mode)
    }
  })

  it('after COMMIT was sent and before its answer is a page that says to try again, and trying again finds the one user', async () => {
    for (const mode of MODES) {
      const seen = await signInDespite(fleet, lostCommit(mode, 'after'), { wire, happen: () => {} })
      assert.deepEqual([seen.hit, seen.got, seen.wasThere], ['after', 'try again', mode !== 'none'], mode)
    }
  })
})

describe('NEGATIVE CONTROL: a crash', () => {
  const closing = "closeFlow(db, flow.id, { kind: 'signed-in', userId, idpId: idp.id }, now)"
  const outside = closing.replace('db', 'house.db')
  const consent = { mode: 'consent', step: 'answer', retry: 'again' } as const

  it('leaves an ending with nobody where the flow is closed outside the transaction', async () => {
    await withBroken(closing, outside, async (fleet, wire) => {
      const plan: Plan = { ...consent, moment: after('INSERT INTO users') }
      await assert.rejects(killThem(fleet, [plan], 1), /With a server killed/)
      assert.match((await brokenInvariants(fleet.rows)).join(), /ended with user .*, who is not there/)
      await assert.rejects(signInDespite(fleet, lostCommit('consent', 'before'), { wire, happen: () => {} }))
    })
  })

  it('leaves half a user where the transaction is two', async () => {
    // The user is kept before what belongs to it.
    const attributes = 'await putUserAttributes(db, userId, user.attributes);'
    await withBroken(attributes, `await db.raw('COMMIT; BEGIN'); ${attributes}`, async (fleet) => {
      await assert.rejects(
        killThem(fleet, [{ ...consent, moment: after('INSERT INTO notices') }], 1),
        /With a server killed/,
      )
      assert.match((await brokenInvariants(fleet.rows)).join(), /has 0 events user-created/)
    })
  })

  it('ends a flow twice where the flow is closed after COMMIT was answered, when the answer is lost', async () => {
    // Nothing is wrong with it until the answer to COMMIT is lost: then the user is there and the flow still open.
    const later = `(db.executionPromise.then(() => ${outside}, () => {}), true)`
    await withBroken(closing, later, async (fleet, wire) => {
      const seen = signInDespite(fleet, lostCommit('consent', 'after'), { wire, happen: () => {} })
      await assert.rejects(seen, /ended 2 times/)
    })
  })
})

/** Runs `work` on one server whose provision.js was broken in one place, with a wire of its own. */
async function withBroken(
  from: string,
  to: string,
  work: (fleet: Fleet, wire: CuttingProxy) => Promise<void>,
): Promise<void> {
  const copy = await brokenCopy('provisioning/provision.js', from, to)
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

function lostCommit(mode: Mode, where: 'before' | 'after'): Plan {
  const moment: Moment = { kind: 'statement', number: 1, from: 'COMMIT', where }
  const retry = mode === 'silent' || mode === 'password' ? 'application' : 'again'
  return { mode, step: lastStepOf(mode), moment, retry }
}

/** When the first statement with these words has been carried out, and nobody has been told. */
function after(from: string): Moment {
  return { kind: 'statement', number: 1, from, where: 'after' }
}
