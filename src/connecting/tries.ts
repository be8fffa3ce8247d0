// Signing in to the account that is to be connected: the local sign-in with its brakes, and five wrong tries for a sign-in and its person.
import { createBrake } from '../db/brakes.ts'
import type { House } from '../house.ts'
import { createLocalSignIn, type LocalOutcome } from '../login/local.ts'
import type { Arrived } from '../provisioning/settle.ts'

const TRIES = 5
/** Whoever starts again as the same person at the idp waits this long. */
const WAIT_SECONDS = 600
/** No flow lives as long (flow.ts: eleven lives of at most four hours). */
const FOR_GOOD_SECONDS = 2 * 86_400

export type TryOutcome = LocalOutcome | { kind: 'locked'; minutes: number }

export interface Tries {
  /** Checks a typed name and password; `client` is who asks, as limits count them. */
  check(flow: Arrived, typed: string, password: string, client: string): Promise<TryOutcome>
}

export function createTries(house: House): Tries {
  const local = createLocalSignIn(house)
  const perFlow = createBrake(house.db, TRIES, FOR_GOOD_SECONDS)
  const perPerson = createBrake(house.db, TRIES, WAIT_SECONDS)

  return {
    async check(flow, typed, password, client) {
      const { idpId = '', profile } = flow
      const flowKey = house.keyring.hash('brake connecting flow', flow.id)
      const personKey = house.keyring.hash('brake connecting person', idpId, profile.issuer, profile.subject)
      const giveBack = () => Promise.all([perFlow.giveBack(flowKey), perPerson.giveBack(personKey)])

      // Taken before the password is looked at: of many tries at once no more than five get through. The person's first, whose wait is known then;
      // whoever has none of these takes none of the flow's, so that five do get through.
      const now = house.now()
      const wait = await perPerson.take(personKey, now)
      if (wait !== undefined) return { kind: 'locked', minutes: Math.max(1, Math.ceil(wait / 60_000)) }
      if ((await perFlow.take(flowKey, now)) !== undefined) {
        await perPerson.giveBack(personKey)
        return { kind: 'locked', minutes: 1 }
      }

      const outcome = await local.check(typed, password, client).catch(async (error: unknown) => {
        // Turned away because we are busy is no try.
        await giveBack()
        throw error
      })
      if (outcome.kind !== 'wrong') await giveBack()
      return outcome
    },
  }
}
