// The thread of one sign-in: start a flow, find this browser's flow, and nothing for any other browser.
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MY_ACCOUNT } from './db/applications.ts'
import type { Ending, FlowRow } from './db/flows.ts'
import {
  bindFlow,
  extendFlow,
  findFlowRow,
  findFlowRowByState,
  insertAccountFlow,
  insertApiFlow,
  insertFlow,
  keepProfile,
} from './db/flows.ts'
import { insertConnectingFlow } from './db/proofs.ts'
import type { House } from './house.ts'
import type { Profile } from './login/profile.ts'
import type { Verdict } from './provisioning/decide.ts'
import { deriveKey, keyedHash, seal, sha256, unseal } from './seal.ts'
import { cookieAttributes, cookieName, cookiesOf } from './web/cookies.ts'
import { adoptLanguage, languageOf } from './web/language.ts'
import { tagRequest } from './web/logging.ts'

/** The door a flow came in by, which is the only one it can leave by. */
export interface Door {
  kind: 'application'
  applicationId: string
  interactionUid: string
  /** The language that was asked for there (BCP 47): it holds for all pages of the flow, unless the person chooses another. */
  language?: string
}

/** The door of authentication flows elsewhere: they say where the browser goes back to, with which `state`. */
export interface ApiDoor {
  kind: 'flow-api'
  applicationId: string
  returnTo: string
  state: string
}

/**
 * The door of My Account, at which a person comes for themselves: to enter, or, signed in already, to prove once more who they are or to
 * connect another idp.
 */
export interface AccountDoor {
  kind: 'my-account'
  applicationId: typeof MY_ACCOUNT
  intent: 'enter' | 'prove' | 'connect'
  /** Who is signed in, unless they are about to enter. */
  userId?: string
  /** The path below /myaccount that they want to. */
  to: string
  /** What the session hashes to in which they began (account/connect.ts): in no other can they go on. */
  session?: string
}

/** Whether a flow is of somebody who is signed in to My Account: it proves or connects, and never signs in nor makes a user. */
export function isInside({ door }: Pick<Flow, 'door'>): boolean {
  return door.kind === 'my-account' && door.intent !== 'enter'
}

/** The door of a sign-in that only proves whose user somebody is, for another flow of this browser, to which it leads back. */
export interface ConnectingDoor {
  kind: 'connecting'
  applicationId: string
  flowId: string
  language: string
}

export interface Flow {
  id: string
  /** What the log and its pages call it, 7f3a-91c2: the beginning of a hash, which finds its record and every line about it and leads to nothing. */
  tag: string
  door: Door | ApiDoor | AccountDoor | ConnectingDoor
  idpId: string | undefined
  /** What metrics call where it went: name and scheme of the idp; empty before. */
  labels: { idp: string; scheme: string }
  /** The language of its pages, for this request (BCP 47). */
  language: string
  /** Set once the idp has sent the person back. */
  calledBackAt: Date | undefined
  /** The person has seen a question of this flow. */
  wasAsked: boolean
  /** They said that none of the users who keep their address is theirs. */
  isApart: boolean
  /** Whose user they proved to be by a password, before it ends. */
  provedUserId: string | undefined
  /** Whose second factor was shown in it. */
  factorUserId: string | undefined
  /** The user that it made, before it ends. */
  madeUserId: string | undefined
  /** The last question as it was noted for the record. Nothing is decided by it but what a no was said to. */
  noted: Verdict | undefined
  /** What the idp asserted: here only while the flow is open, and only with the cookie of its browser, or a key that was given out for it. */
  profile: Profile | undefined
  ending: Ending | undefined
  /** When it ended, however late its browser is led out. */
  endedAt: Date | undefined
  expiresAt: Date
  isExpired: boolean
}

/** A flow in the browser that it belongs to, with what follows from its cookie. */
export interface BrowserFlow extends Flow {
  /** Follows from the flow cookie: tokens of forms (csurf keeps them), and what binds a callback to this flow. */
  csrfSecret: string
  nonce: (state: string) => string
  codeVerifier: (state: string) => string
  seal: (profile: Profile) => Buffer
}

const FLOW_ID_BYTES = 18
const COOKIE_ID_CHARACTERS = 12
const COOKIES_KEPT = 20

/** The cookie outlives the flow by this much, so that an expired or finished page can say what happened to this browser and to no other. What it sealed is wiped by then. */
const COOKIE_GRACE_MINUTES = 10

/** Which application this browser came from last: no secret. It outlives every flow, so that a tab opened again days later finds a way on. */
const CAME_FROM = 'vestibule.application'
const CAME_FROM_DAYS = 7

/** How many times its life a flow may stay open: ten times is the least that WCAG 2.2 (2.2.1) asks for, and the first life. */
const LIVES = 11

/**
 * Starts a flow for a door and gives this browser the flow's cookie: 32 random bytes from which the sealing key, the CSRF
 * secret and the binding follow (HKDF). Returns the flow's id, which is worth nothing without that cookie.
 */
export async function startFlow(
  house: House,
  req: IncomingMessage,
  res: ServerResponse,
  door: Door | AccountDoor | ConnectingDoor,
): Promise<string> {
  const id = randomBytes(FLOW_ID_BYTES).toString('base64url')
  const secret = randomBytes(32)
  const now = house.now()
  const flow = { id, binding: deriveKey(secret, 'flow binding'), createdAt: now, expiresAt: endOfLife(house, now) }
  const seal = (text: string) => house.keyring.seal(`flow door ${id}`, text)
  if (door.kind === 'my-account') {
    const { intent, userId, to, session } = door
    await insertAccountFlow(house.db, { ...flow, doorSealed: seal(JSON.stringify({ intent, userId, to, session })) })
  } else if (door.kind === 'connecting') {
    const { applicationId, flowId, language } = door
    await insertConnectingFlow(house.db, {
      ...flow,
      applicationId,
      language,
      doorSealed: seal(JSON.stringify({ flowId })),
    })
  } else {
    const { applicationId, language = null } = door
    await insertFlow(house.db, { ...flow, applicationId, language, interactionUidSealed: seal(door.interactionUid) })
  }
  takeIn(house, req, res, { id, secret, door })
  return id
}

/** Gives this browser the cookies of a flow that is its own from now on. */
function takeIn(
  house: House,
  req: IncomingMessage,
  res: ServerResponse,
  { id, secret, door }: { id: string; secret: Buffer; door: Pick<Door, 'applicationId'> },
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

/** Starts a flow for a person whom somebody else has verified. It is no browser's yet: whoever brings its key first gets it. Returns its id. */
export async function startFlowElsewhere(house: House, door: ApiDoor, idpId: string): Promise<string> {
  const id = randomBytes(FLOW_ID_BYTES).toString('base64url')
  const now = house.now()
  const { applicationId, returnTo, state } = door
  await insertApiFlow(house.db, {
    id,
    // No cookie has this binding.
    binding: randomBytes(32),
    applicationId,
    doorSealed: house.keyring.seal(`flow door ${id}`, JSON.stringify({ returnTo, state })),
    idpId,
    createdAt: now,
    expiresAt: endOfLife(house, now),
  })
  return id
}

/** Gives a flow that was started elsewhere to this browser, by the key that it brought. Undefined when another was quicker, or the time is up. */
export async function adoptFlow(
  house: House,
  req: IncomingMessage,
  res: ServerResponse,
  brought: { hash: Buffer; flowId: string; profile: Profile },
): Promise<Flow | undefined> {
  const { flowId: id, profile } = brought
  const row = await findFlowRow(house.db, id)
  if (!row?.idp_id) return undefined
  const secret = randomBytes(32)
  const isOurs = await bindFlow(house.db, {
    keyHash: brought.hash,
    binding: deriveKey(secret, 'flow binding'),
    profileSealed: seal(deriveKey(secret, 'flow profile'), id, JSON.stringify(profile)),
    personHash: personHash(house, row.idp_id, profile),
    now: house.now(),
  })
  if (!isOurs) return undefined
  takeIn(house, req, res, { id, secret, door: { applicationId: row.application_id ?? MY_ACCOUNT } })
  return flowFrom(house, req, row, { profile, language: languageOf(res) })
}

/**
 * Lets the flow live as long from now as it does from its beginning, and this browser's cookie with it. Returns until when; nothing when the
 * flow has ended, has expired, or would stay open for more than eleven lives.
 */
export async function stayOpen(
  house: House,
  req: IncomingMessage,
  res: ServerResponse,
  flow: BrowserFlow,
): Promise<Date | undefined> {
  const now = house.now()
  const until = endOfLife(house, now)
  const begunAfter = new Date(until.getTime() - LIVES * house.flowMinutes * 60_000)
  const row = await extendFlow(house.db, flow.id, { until, begunAfter, now })
  const secret = row && secretOf(house, req, flow.id, row.binding)
  if (!secret) return undefined
  giveCookie(house, res, flow.id, secret)
  return until
}

/** This browser's flow of that id; undefined for an id that does not exist and for another browser's, which look the same. */
export async function findFlow(house: House, req: IncomingMessage, id: unknown): Promise<BrowserFlow | undefined> {
  if (typeof id !== 'string' || !/^[\w-]{24}$/.test(id)) return undefined
  return openFlow(house, req, await findFlowRow(house.db, id))
}

/** This browser's flow that left with that `state`. Looking changes nothing, so a wrong browser does not burn the owner's flow. */
export async function findFlowByState(
  house: House,
  req: IncomingMessage,
  state: string,
): Promise<BrowserFlow | undefined> {
  return openFlow(house, req, await findFlowRowByState(house.db, sha256(state)))
}

/** Seals the profile into the flow's row, with the keyed hash that finds the flows of a person. */
export async function rememberProfile(house: House, flow: BrowserFlow, idpId: string, profile: Profile): Promise<void> {
  await keepProfile(house.db, flow.id, flow.seal(profile), personHash(house, idpId, profile))
}

/** Finds the flows of a person while they are open. */
export function personHash(
  { keyring }: Pick<House, 'keyring'>,
  idpId: string,
  { issuer, subject }: Pick<Profile, 'issuer' | 'subject'>,
): Buffer {
  return keyring.hash('person', idpId, issuer, subject)
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

function openFlow(house: House, req: IncomingMessage, row: FlowRow | undefined): BrowserFlow | undefined {
  const secret = row && secretOf(house, req, row.id, row.binding)
  if (!secret) return undefined

  const sealingKey = deriveKey(secret, 'flow profile')
  const derived = (use: string, state: string) => keyedHash(deriveKey(secret, use), state).toString('base64url')
  // A process that did not know roles yet may have sealed it: it granted none.
  const profile = row.profile_sealed
    ? { roles: [], ...JSON.parse(unseal(sealingKey, row.id, row.profile_sealed)) }
    : undefined
  return {
    ...flowFrom(house, req, row, {
      profile,
      language: adoptLanguage((req as IncomingMessage & { res?: ServerResponse }).res, row.language ?? undefined),
    }),
    csrfSecret: deriveKey(secret, 'flow csrf').toString('base64url'),
    nonce: (state) => derived('flow nonce', state),
    codeVerifier: (state) => derived('flow code verifier', state),
    seal: (profile) => seal(sealingKey, row.id, JSON.stringify(profile)),
  }
}

/** What a row says of its flow, to whoever could open its profile. */
export function flowFrom(
  house: House,
  req: IncomingMessage,
  row: FlowRow,
  opened: { profile: Profile | undefined; language: string },
): Flow {
  const tag = tagOf(row.id)
  tagRequest(req, tag)
  return {
    id: row.id,
    tag,
    door: doorOf(house, row),
    idpId: row.idp_id ?? undefined,
    labels: row.idp_name === null ? { idp: '', scheme: '' } : { idp: row.idp_name, scheme: row.idp_scheme ?? '' },
    ...opened,
    calledBackAt: row.called_back_at ?? undefined,
    wasAsked: row.asked_at !== null,
    isApart: row.apart_at !== null,
    provedUserId: row.proved_user_id ?? undefined,
    factorUserId: row.factor_user_id ?? undefined,
    madeUserId: row.made?.userId,
    noted: row.noted ?? undefined,
    ending: row.ending ?? undefined,
    endedAt: row.closed_at ?? undefined,
    expiresAt: row.expires_at,
    isExpired: row.expires_at <= house.now(),
  }
}

/** As the database computes it, too (audit_events.code). */
function tagOf(id: string): string {
  const digits = sha256(id).toString('hex')
  return `${digits.slice(0, 4)}-${digits.slice(4, 8)}`
}

function doorOf(house: House, row: FlowRow): Flow['door'] {
  const open = (sealed: Buffer | null) => house.keyring.unseal(`flow door ${row.id}`, sealed ?? Buffer.alloc(0))
  if (row.door === 'my-account' || row.application_id === null)
    return { kind: 'my-account', applicationId: MY_ACCOUNT, ...JSON.parse(open(row.door_sealed)) }
  const applicationId = row.application_id
  if (row.door === 'flow-api') return { kind: row.door, applicationId, ...JSON.parse(open(row.door_sealed)) }
  if (row.door === 'connecting')
    return { kind: row.door, applicationId, language: row.language ?? 'en', ...JSON.parse(open(row.door_sealed)) }
  const language = row.language === null ? {} : { language: row.language }
  return { kind: row.door, applicationId, interactionUid: open(row.interaction_uid_sealed), ...language }
}

/** The secret in this browser's cookie of a flow: the one that the flow's row is bound to. */
function secretOf(house: House, req: IncomingMessage, id: string, binding: Buffer): Buffer | undefined {
  const name = flowCookie(house, id)
  // Every cookie of that name is tried: one tossed in by a sibling host must not hide ours.
  return flowCookies(house, req)
    .filter(([cookie]) => cookie === name)
    .map(([, value]) => Buffer.from(value, 'base64url'))
    .find((bytes) => bytes.length === 32 && timingSafeEqual(deriveKey(bytes, 'flow binding'), binding))
}

function endOfLife(house: House, from: Date): Date {
  return new Date(from.getTime() + house.flowMinutes * 60_000)
}

function giveCookie(house: House, res: ServerResponse, id: string, secret: Buffer): void {
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
