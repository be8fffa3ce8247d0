// The pages of sign-ins that cannot go on, each with the way that is left.
import type { IncomingMessage } from 'node:http'
import { findApplication, homeOf } from './db/applications.ts'
import { findIdp } from './db/idps.ts'
import type { Flow } from './flow.ts'
import { cameFrom } from './flow-cookies.ts'
import type { House } from './house.ts'
import { PageError } from './web/errors.ts'
import type { Action } from './web/page.ts'

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** The page of a flow that took too long, with the way to start it again: the same door, the same idp. */
export async function expiredError(
  house: House,
  flow: Flow,
  again: (flowId: string, idpName?: string) => string,
): Promise<PageError> {
  // Only whoever verified the person there can begin again.
  if (flow.door.kind === 'flow-api') return closedError(house, flow)
  const idp = flow.idpId ? await findIdp(house.db, flow.idpId) : undefined
  const values = { n: house.flowMinutes, idp: idp?.displayName ?? '' }
  const actions = idp ? [{ label: { key: 'action.again', values }, href: again(flow.id, idp.name) }] : []
  return new PageError(410, 'expired', { values, actions })
}

/** The page of an expired flow that cannot start again, because its door does not wait any more. */
export async function closedError(house: House, flow: Flow): Promise<PageError> {
  const actions = await wayTo(house, flow.door.applicationId)
  return new PageError(410, 'expired', { values: { n: house.flowMinutes }, actions })
}

/** The page of a flow that is not there, or not this browser's: with the way to the application that it came from last. */
export async function notFoundError(house: House, req: IncomingMessage): Promise<PageError> {
  return new PageError(404, 'notfound', { actions: await wayTo(house, cameFrom(house, req)) })
}

/** The page of a browser that keeps no cookies. Trying again is a matter for the application; where it has no address that is known, for `otherwise`. */
export async function cookiesError(house: House, applicationId: string, otherwise: string): Promise<PageError> {
  const [way] = await wayTo(house, applicationId)
  return new PageError(400, 'cookies', {
    values: { host: house.publicUrl.host },
    actions: [{ label: { key: 'action.retry' }, href: way?.href ?? otherwise }],
  })
}

/** The page of an ended flow whose application has another address by now: nobody is sent to the old one. */
export async function movedError(house: House, flow: Flow): Promise<PageError> {
  const application = await findApplication(house.db, flow.door.applicationId)
  const values = { app: application?.name ?? '' }
  return new PageError(409, 'moved', { values, actions: await wayTo(house, flow.door.applicationId) })
}

/** The way to where an application starts; nothing for one that is unknown, turned off or native. */
async function wayTo(house: House, applicationId = ''): Promise<Action[]> {
  const application = UUID.test(applicationId) ? await findApplication(house.db, applicationId) : undefined
  const href = application?.isEnabled ? homeOf(application) : undefined
  return href ? [{ label: { key: 'action.go', values: { app: application?.name ?? '' } }, href }] : []
}
