// The door of a sign-in that only proves whose user somebody is: it leads back to the one that it is for, and nowhere else.
import { findFlowRow } from '../db/flows.ts'
import type { Flow } from '../flow.ts'
import type { House } from '../house.ts'
import { CONNECT, connectAddress } from '../provisioning/offer.ts'

/** What the doors out of the house have in common (handback/doors.ts). */
interface WayBack {
  leaveBy(req: unknown, res: unknown, flow: Flow): Promise<string | undefined>
  isOpen(flow: Flow): Promise<boolean>
  stay(): Promise<boolean>
}

export function createConnectingDoor(house: House): WayBack {
  return {
    leaveBy: async (_req, _res, { door }) => (door.kind === 'connecting' ? connectAddress(door.flowId) : undefined),
    async isOpen({ door }) {
      const row = door.kind === 'connecting' ? await findFlowRow(house.db, door.flowId) : undefined
      return row !== undefined && row.ending === null && row.expires_at > house.now()
    },
    // It waits as long as the other sign-in does.
    stay: async () => true,
  }
}

/** Where such a sign-in goes on when it is back from the idp; undefined for every other flow. */
export function insideConnecting({ id, door }: Flow): string | undefined {
  return door.kind === 'connecting' ? `${CONNECT}/proved?${new URLSearchParams({ sessionDataKey: id })}` : undefined
}
