// The door of authentication flows elsewhere: the browser goes back with a key, and their server fetches the outcome with it, once.
import { findApplication } from '../db/applications.ts'
import { isOutcomeFetched, putOutcomeKey } from '../db/flow-keys.ts'
import { findUser } from '../db/users.ts'
import type { Flow } from '../flow.ts'
import { newKey } from '../flow-keys.ts'
import { movedError } from '../flow-pages.ts'
import type { House } from '../house.ts'
import { joinName } from '../stores/name.ts'
import type { WayOut } from './doors.ts'
import { federatedSubject } from './subjects.ts'

/** How a flow ended, for whoever began it. */
export type Outcome =
  | { outcome: 'signed-in'; sub: string; username: string; isNew: boolean }
  /** No user was made; the subject is the same at every sign-in of this person. */
  | { outcome: 'federated'; sub: string }
  | { outcome: 'declined' }
  | { outcome: 'refused'; code: string }

export function createFlowApiDoor(house: House): WayOut {
  return {
    async leaveBy(_req, _res, flow) {
      const { door, id } = flow
      const outcome = await outcomeOf(house, flow)
      if (door.kind !== 'flow-api' || !outcome) return undefined
      const application = await findApplication(house.db, door.applicationId)
      // Looked at when the flow began, and again: nobody is sent to an address that is not registered any more.
      if (!application?.isEnabled || !application.redirectUris.includes(door.returnTo))
        throw await movedError(house, flow)
      const { key, row } = newKey(house, id, 'outcome', JSON.stringify(outcome))
      if (!(await putOutcomeKey(house.db, { ...row, applicationId: application.id }))) return undefined
      const url = new URL(door.returnTo)
      url.searchParams.set('flow', key)
      url.searchParams.set('state', door.state)
      return url.href
    },
    isOpen: async (flow) => !(await isOutcomeFetched(house.db, flow.id)),
    // It waits for nothing that could run out before the flow does.
    stay: async () => true,
  }
}

async function outcomeOf(house: House, { ending, profile, idpId }: Flow): Promise<Outcome | undefined> {
  switch (ending?.kind) {
    case undefined:
      return undefined
    case 'signed-in': {
      const { userId: sub, isNew = false } = ending
      const user = await findUser(house.db, sub)
      return user && { outcome: 'signed-in', sub, username: joinName(user.store, user.username), isNew }
    }
    case 'federated':
      return profile && idpId ? { outcome: 'federated', sub: federatedSubject(house.salt, idpId, profile) } : undefined
    case 'declined':
      return { outcome: 'declined' }
    case 'refused':
      return { outcome: 'refused', code: ending.code }
    case 'proved':
    case 'connected':
      // Of another door.
      return undefined
    default:
      return ending satisfies never
  }
}
