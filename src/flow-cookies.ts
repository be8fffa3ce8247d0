// The cookies of flows: one for each, from which everything follows that is its browser's alone, and one that says where the browser came from.
import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { House } from './house.ts'
import { deriveKey } from './seal.ts'
import { cookieAttributes, cookieName, cookiesOf } from './web/cookies.ts'

const COOKIE_ID_CHARACTERS = 12
const COOKIES_KEPT = 20

/** The cookie outlives the flow by this much, so that an expired or finished page can say what happened to this browser and to no other. What it sealed is wiped by then. */
const COOKIE_GRACE_MINUTES = 10

/** Which application this browser came from last: no secret. It outlives every flow, so that a tab opened again days later finds a way on. */
const CAME_FROM = 'vestibule.application'
const CAME_FROM_DAYS = 7

/** Gives this browser the cookies of a flow that is its own from now on. */
export function takeIn(
  house: House,
  req: IncomingMessage,
  res: ServerResponse,
  { id, secret, door }: { id: string; secret: Buffer; door: { applicationId: string } },
): void {
  const kept = flowCookies(house, req)
  // Browsers send older cookies first (RFC 6265, 5.4), so the front of the list goes.
  for (const [name] of kept.slice(0, Math.max(0, kept.length - COOKIES_KEPT + 1))) {
    res.appendHeader('Set-Cookie', `${name}=; Max-Age=0; ${cookieAttributes(house.publicUrl)}`)
  }
  giveCookie(house, res, id, secret)
  house.metrics.flow('started')
  const days = `Max-Age=${CAME_FROM_DAYS * 86_400}`
  res.appendHeader(
    'Set-Cookie',
    `${cookieName(house.publicUrl, CAME_FROM)}=${door.applicationId}; ${days}; ${cookieAttributes(house.publicUrl)}`,
  )
}

/** The id of the application that this browser came from last, as far as its cookie says: to be believed in nothing else. */
export function cameFrom(house: House, req: IncomingMessage): string | undefined {
  const name = cookieName(house.publicUrl, CAME_FROM)
  return cookiesOf(req).find(([cookie]) => cookie === name)?.[1]
}

/** Whether this browser keeps what we give it. */
export function hasOurCookies(house: House, req: IncomingMessage): boolean {
  return flowCookies(house, req).length > 0 || cameFrom(house, req) !== undefined
}

/** The secret in this browser's cookie of a flow: the one that the flow's row is bound to. */
export function secretOf(house: House, req: IncomingMessage, id: string, binding: Buffer): Buffer | undefined {
  const name = flowCookie(house, id)
  // Every cookie of that name is tried: one tossed in by a sibling host must not hide ours.
  return flowCookies(house, req)
    .filter(([cookie]) => cookie === name)
    .map(([, value]) => Buffer.from(value, 'base64url'))
    .find((bytes) => bytes.length === 32 && timingSafeEqual(deriveKey(bytes, 'flow binding'), binding))
}

/** What the rows of this browser's flows are bound to. */
export function bindingsOf(house: House, req: IncomingMessage): Buffer[] {
  return flowCookies(house, req).flatMap(([, value]) => {
    const secret = Buffer.from(value, 'base64url')
    return secret.length === 32 ? [deriveKey(secret, 'flow binding')] : []
  })
}

/** Gives this browser the cookie of a flow for one more life. */
export function giveCookie(house: House, res: ServerResponse, id: string, secret: Buffer): void {
  const maxAge = Math.round((house.flowMinutes + COOKIE_GRACE_MINUTES) * 60)
  const value = secret.toString('base64url')
  res.appendHeader(
    'Set-Cookie',
    `${flowCookie(house, id)}=${value}; Max-Age=${maxAge}; ${cookieAttributes(house.publicUrl)}`,
  )
}

function flowCookie(house: House, id: string): string {
  return cookieName(house.publicUrl, `flow-${id.slice(0, COOKIE_ID_CHARACTERS)}`)
}

/** The request's flow cookies as [name, value], oldest first. */
function flowCookies(house: House, req: IncomingMessage): [string, string][] {
  const prefix = flowCookie(house, '')
  return cookiesOf(req).filter(([name]) => name.startsWith(prefix) && /^[\w-]{12}$/.test(name.slice(prefix.length)))
}
