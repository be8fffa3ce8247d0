// The races in the numbers of the catalogue (S223, S225, S226, S230), over two processes.

import { startFleet } from '../support/fleet.ts'
import {
  oneCallbackOneExchange,
  oneFormOneEnding,
  oneNameOnePerson,
  onePersonOneUser,
  RACING,
  twoIdpsOneName,
  twoTabsTwoPeople,
} from '../support/races.ts'
import type { Say } from './parts.ts'

/** Runs every race in full; says how long each took and throws when a claim does not hold. */
export async function racesSoak(say: Say): Promise<void> {
  const fleet = await startFleet({ servers: 0, ...RACING })
  const run = async (claim: string, race: () => Promise<void>) => {
    const began = performance.now()
    await race()
    say(`${claim} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
  }
  try {
    const others = [await fleet.addApplication(), await fleet.addApplication()]
    for (let servers = 0; servers < 2; servers += 1) await fleet.start()
    const [other] = others
    const applications = [fleet.application, ...others]
    for (const mode of ['silent', 'consent', 'username'] as const) {
      const claim = `100 first sign-ins of one person (${mode}), ${applications.length} applications: one user, told to all`
      await run(claim, () => onePersonOneUser(fleet, applications, mode, 100))
    }
    await run('50 people after one username: one has it, 49 were told and went on', () => oneNameOnePerson(fleet, 50))
    await run('20 times 20 copies of one callback: 20 token requests', async () => {
      for (let round = 0; round < 20; round += 1) await oneCallbackOneExchange(fleet, 20)
    })
    for (const mode of ['consent', 'username'] as const) {
      await run(`50 posts of one form (${mode}) on one byte: one user, one event`, () =>
        oneFormOneEnding(fleet, mode, 50),
      )
    }
    await run('20 pairs of people of two silent idps with one name: 20 signed in, 20 refused', () =>
      twoIdpsOneName(fleet, RACING.silentIdps, 20),
    )
    if (other) {
      await run('10 times two tabs, two applications, two people, finished in reverse', async () => {
        for (let round = 0; round < 10; round += 1) await twoTabsTwoPeople(fleet, other)
      })
    }
    const served = fleet.servers.map(({ port }) => fleet.proxy.served.get(port) ?? 0)
    say(`requests served by the two processes: ${served.join(' and ')}`)
  } finally {
    await fleet.stop()
  }
}
