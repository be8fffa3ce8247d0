// What the sign-in needs of the rest of the house, and the address at which it starts.
import type { Request, RequestHandler, Response } from 'express'
import type { Application } from '../db/applications.ts'
import { applicationIn } from '../db/configured.ts'
import type { Flow } from '../flow.ts'
import { PageError } from '../web/errors.ts'

export const LOGIN = '/authenticationendpoint/login.do'

/** Each room is reached by an address, or by what app hands over. */
export interface LoginWays {
  /** Ends at the door that the flow came in by; returns the address there. */
  leaveBy: (req: Request, res: Response, flow: Flow) => Promise<string | undefined>
  /** The address that leads on to the door of an ended flow. */
  leave: (flowId: string) => string
  /** Where an ended flow is answered with a page. */
  ended: (flowId: string) => string
  /** Whether the door still waits for an answer, so that a flow can start again. */
  doorIsOpen: (flow: Flow) => Promise<boolean>
  /** Where My Account goes on with the flow of somebody who is signed in there; undefined for every other flow. */
  inside: (flow: Flow) => string | undefined
  /** Answers a callback that belongs to no flow but to an operator's test. */
  takeTest: RequestHandler
}

/** What the state of a test begins with. That of a flow is base64url, which has no full stop. */
export const TEST_STATE = 'test.'

/** Marks the address that a door leads to, where the browser must have the cookie that it was given with it. Its value is the application's id. */
export const FRESH = 'fresh'

/** The address at which a flow starts that a door has just made. */
export function loginStart(flowId: string, applicationId: string): string {
  return `${loginAgain(flowId)}&${FRESH}=${applicationId}`
}

/** Where an idp sends people back to: an address of its own, as it has to be registered there. */
export function callbackAddress(publicUrl: URL, idpName: string): string {
  return new URL(`/commonauth/${encodeURIComponent(idpName)}`, publicUrl).href
}

/** The address that starts a flow again with the same door: at the named idp, or at the choice of them. */
export function loginAgain(flowId: string, idpName?: string, options?: { otherAccount: boolean }): string {
  const query = new URLSearchParams({ sessionDataKey: flowId })
  if (idpName !== undefined) query.set('idp', idpName)
  if (options?.otherAccount) query.set('prompt', 'select_account')
  return `${LOGIN}?${query}`
}

/** The application that a flow came from. Throws the page for a flow whose application has been turned off. */
export function applicationOf(flow: Flow): Application {
  const application = applicationIn(flow.configured, flow.door.applicationId)
  if (!application?.isEnabled) throw new PageError(404, 'notfound')
  return application
}
