// Servers killed by the hundred while people sign in: at random moments, at random statements, at every step of every mode.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { type Fleet, startFleet } from '../support/fleet.ts'
import { killThem, lastStepOf, type Moment, type Plan, type Seen, type Step } from '../support/kills.ts'
import { KEEPS_COMPILED } from '../support/one-file.ts'
import { travel, traveller } from '../support/patience.ts'
import { MODES, type Mode } from '../support/scene.ts'
import { newcomer } from '../support/visits.ts'
import type { Say } from './parts.ts'

const KILLS = 300
/** People on their way at the same time, each with a server to be killed; more only wait for servers to start. */
const LANES = 4
/** Longer than any step takes, so that some servers die with their answer given. */
const LONGEST_MS = 400

/** Kills 300 servers, one under each sign-in; says what was hit and throws unless everybody was signed in as one whole user. */
export async function killsSoak(say: Say): Promise<void> {
  const began = performance.now()
  const seed = randomInt(2 ** 31)
  say(`kills: seed ${seed}`)
  const random = randomFrom(seed)
  const plans = Array.from({ length: KILLS }, (_, index) => planOf(MODES[index % MODES.length] as Mode, random))
  const fleet = await startFleet({ servers: 0 })
  try {
    await keepCompiled(fleet)
    for (let count = 0; count < 2; count += 1) await fleet.start()
    const users = await countUsers(fleet)
    const seen = await killThem(fleet, plans, LANES)
    const made = (await countUsers(fleet)) - users
    assert.equal(made, plans.filter(({ mode }) => mode !== 'none').length, 'a user for each who is provisioned')

    const count = (which: (one: Seen) => boolean) => seen.filter(which).length
    const isLast = ({ mode, step }: Seen) => step === lastStepOf(mode)
    say(
      `${count(isLast)} of ${seen.length} servers died during the last step, the others during one before or behind it`,
    )
    for (const hit of ['before', 'inside', 'after'] as const) {
      const those = seen.filter((one) => isLast(one) && one.hit === hit)
      const unanswered = those.filter(({ got }) => got !== 'page').length
      say(`  ${hit} its transaction: ${those.length}, ${unanswered} of them with no answer to the person`)
    }
    const retries = count(({ got }) => got !== 'page')
    const found = count(({ got, wasThere }) => got !== 'page' && wasThere)
    say(`${retries} people tried again; the user was there already for ${found} of them`)
    const detours = count(({ detours }) => detours > 0)
    say(
      `${detours} had to start at their application again, because the page to reload was of a sign-in that had ended`,
    )
    say(`${seen.length} signed in, ${made} whole users; ${Math.round((performance.now() - began) / 1000)} s`)
    for (const hit of ['before', 'inside', 'after'] as const) {
      assert.ok(
        count((one) => isLast(one) && one.hit === hit && one.got !== 'page') > 0,
        `no kill ${hit} a transaction`,
      )
    }
  } finally {
    await fleet.stop()
  }
}

/** Somebody of each mode signs in at a server that ends well: what was compiled for it need not be for those that are killed. */
async function keepCompiled(fleet: Fleet): Promise<void> {
  const server = await fleet.start(KEEPS_COMPILED)
  for (const mode of MODES) await travel(traveller(fleet, mode, newcomer()))
  await fleet.end(server, 'SIGTERM')
}

async function countUsers(fleet: Fleet): Promise<number> {
  const [counted] = await fleet.rows<{ users: number }>('SELECT count(*)::int AS users FROM users')
  return counted?.users ?? 0
}

/** Two of three die during the last step, and half of these at a statement of its transaction: by the clock that is rare. */
function planOf(mode: Mode, random: () => number): Plan {
  const pick = <One>(...from: One[]): One => from[Math.floor(random() * from.length)] as One
  const isAsked = mode !== 'none' && mode !== 'silent'
  const asked: Step[] = isAsked ? ['question', 'answer', 'ending'] : []
  const step = random() < 2 / 3 ? lastStepOf(mode) : pick('door', 'choice', 'departure', 'callback', ...asked, 'exit')
  const from = step === lastStepOf(mode) && random() < 0.5 ? 'BEGIN' : ''
  const number = 1 + Math.floor(random() * (from === '' ? 25 : 12))
  const moment: Moment =
    from === '' && random() < 0.5
      ? { kind: 'time', ms: random() * LONGEST_MS }
      : { kind: 'statement', number, from, where: pick('before', 'after') }
  return { mode, step, moment, retry: pick('again', 'back', 'application') }
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
