// Sign-ins of which each COMMIT loses its connection once, before PostgreSQL hears it or before its answer comes.
import assert from 'node:assert/strict'
import { NOTHING_KEPT } from '../../src/db/flow-endings.ts'
import type { Cut, CuttingProxy } from './cutting-proxy.ts'
import type { Fleet } from './fleet.ts'
import { brokenInvariants } from './invariants.ts'
import { MAKING } from './kills.ts'
import { travel, traveller } from './patience.ts'
import type { Mode } from './scene.ts'
import { knownPerson, newcomer } from './visits.ts'

/**
 * Lets people sign in, one after another, until each COMMIT that this takes, from the `first`, was cut once; how often each had to try again.
 * Fails unless each becomes one whole user, or nobody where nobody is provisioned.
 */
export async function loseEachCommit(
  fleet: Fleet,
  wire: CuttingProxy,
  mode: Mode,
  where: 'before' | 'after',
  first = 1,
) {
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
export function cutCommit(number: number, where: 'before' | 'after'): Cut {
  let count = 0
  return (sql) => {
    if (!isCommit(sql)) return undefined
    count += 1
    return count === number ? where : undefined
  }
}

/** Whether it keeps what was written: COMMIT, or what makes a user in a transaction of its own, which is where no keys may have been given out. */
function isCommit(sql: string): boolean {
  return sql.startsWith('COMMIT') || (sql.startsWith(MAKING) && sql.includes(NOTHING_KEPT))
}
