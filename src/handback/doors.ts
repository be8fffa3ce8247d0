// The doors out: a flow ends at the one that it came in by.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseLate } from '../db/late.ts'
import type { Flow } from '../flow.ts'
import type { House } from '../house.ts'
import { toldFor } from '../provisioning/told.ts'
import { federatedSubject } from './subjects.ts'

export interface WayOut {
  /** Tells whoever sent the person how the flow ended; returns the address that leads to them, or nothing when it was led there already. */
  leaveBy(req: IncomingMessage, res: ServerResponse, flow: Flow): Promise<string | undefined>
  /** Whether they still wait for this flow. */
  isOpen(flow: Flow): Promise<boolean>
  /** Waits as long from now as from the beginning. False when they do not wait any more. */
  stay(req: IncomingMessage, res: ServerResponse, flow: Flow): Promise<boolean>
}

/** Every flow by its own door, and nobody who was locked or turned away since it ended: `refused` is where those read so. */
export function ownDoor(
  house: House,
  doors: Record<Flow['door']['kind'], WayOut>,
  refused: (flowId: string) => string,
): WayOut {
  return {
    async leaveBy(req, res, flow) {
      const door = doors[flow.door.kind]
      // Whoever was led out before is inside, where each step looks for itself.
      return (await isRefused(flow, () => door.isOpen(flow))) ? refused(flow.id) : door.leaveBy(req, res, flow)
    },
    isOpen: (flow) => doors[flow.door.kind].isOpen(flow),
    stay: (req, res, flow) => doors[flow.door.kind].stay(req, res, flow),
  }

  async function isRefused(flow: Flow, isOpen: () => Promise<boolean>): Promise<boolean> {
    const tell = (code: string) => toldFor(code, house.settings())
    const ended = { ...flow, federatedSubject: subjectWithoutUser(house, flow) }
    return (await refuseLate(house.db, ended, { now: house.now(), tell, isOpen })) !== undefined
  }
}

/** Undefined of a user, and of somebody whose profile is gone, as they were led out already. */
function subjectWithoutUser({ salt }: House, { ending, profile, idpId }: Flow): string | undefined {
  const isWithout = ending?.kind === 'federated' && profile && idpId
  return isWithout ? federatedSubject(salt, idpId, profile) : undefined
}
