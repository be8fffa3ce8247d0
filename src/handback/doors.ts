// The doors out: a flow ends at the one that it came in by.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Flow } from '../flow.ts'

export interface WayOut {
  /** Tells whoever sent the person how the flow ended; returns the address that leads to them, or nothing when it was led there already. */
  leaveBy(req: IncomingMessage, res: ServerResponse, flow: Flow): Promise<string | undefined>
  /** Whether they still wait for this flow. */
  isOpen(flow: Flow): Promise<boolean>
  /** Waits as long from now as from the beginning. False when they do not wait any more. */
  stay(req: IncomingMessage, res: ServerResponse, flow: Flow): Promise<boolean>
}

/** Every flow by its own door. */
export function ownDoor(doors: Record<Flow['door']['kind'], WayOut>): WayOut {
  return {
    leaveBy: (req, res, flow) => doors[flow.door.kind].leaveBy(req, res, flow),
    isOpen: (flow) => doors[flow.door.kind].isOpen(flow),
    stay: (req, res, flow) => doors[flow.door.kind].stay(req, res, flow),
  }
}
