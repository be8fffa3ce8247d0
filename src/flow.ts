// The thread of one sign-in: start a flow, find this browser's flow, and nothing for any other browser.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MY_ACCOUNT } from './db/applications.ts'
import { idpIn } from './db/configured.ts'
import type { Ending } from './db/flow-endings.ts'
import type { EndedStanding, FlowRow } from './db/flows.ts'
import {
  bindFlow,
  departFlowRow,
  extendFlow,
  findFlowRow,
  findFlowRowByState,
  insertApiFlow,
  keepProfile,
  takeCallbackRow,
} from './db/flows.ts'
import type { Idp } from './db/idps.ts'
import { bindingsOf, giveCookie, secretOf, takeIn } from './flow-cookies.ts'
import {
  type AccountDoor,
  type AnyDoor,
  type ApiDoor,
  type ConnectingDoor,
  type Door,
  doorOf,
  insertFlowAt,
} from './flow-doors.ts'
import type { House } from './house.ts'
import type { Profile } from './login/profile.ts'
import type { Verdict } from './provisioning/decide.ts'
import { deriveKey, keyedHash, seal, sha256, unseal } from './seal.ts'
import type { Configured } from './settings/configured.ts'
import { adoptLanguage, languageOf } from './web/language.ts'
import { tagRequest } from './web/logging.ts'

export interface Flow {
  id: string
  /** What the log and its pages call it, 7f3a-91c2: the beginning of a hash, which finds its record and every line about it and leads to nothing. */
  tag: string
  door: AnyDoor
  idpId: string | undefined
  /** What metrics call where it went: name and scheme of the idp; empty before. */
  labels: { idp: string; scheme: string }
  /** The language of its pages, for this request (BCP 47). */
  language: string
  /** What was configured when the flow was read. */
  configured: Configured
  /** Set once the idp has sent the person back. */
  calledBackAt: Date | undefined
  /** The person has seen a question of this flow. */
  wasAsked: boolean
  /** They said that none of the users who keep their address is theirs. */
  isApart: boolean
  /** Whose user they proved to be by a password, before it ends. */
  provedUserId: string | undefined
  /** By which password: a keyed hash (provisioning/settle.ts). */
  provedBy: Buffer | undefined
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
  /** It was led out of the door of My Account. */
  isLeft: boolean
  /** How the user stands whom it let in; absent when there is none (any more). */
  standing?: EndedStanding
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
  await insertFlowAt(house, door, flow)
  takeIn(house, req, res, { id, secret, door })
  return id
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

/** Whether this browser has flows, as far as its cookies say. */
export function hasFlows(house: House, req: IncomingMessage): boolean {
  return bindingsOf(house, req).length > 0
}

/** This browser's flow of that id; undefined for an id that does not exist and for another browser's, which look the same. */
export async function findFlow(house: House, req: IncomingMessage, id: unknown): Promise<BrowserFlow | undefined> {
  if (typeof id !== 'string' || !isFlowId(id)) return undefined
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

/**
 * Notes that this browser's flow of that id leaves for an idp, which was chosen for this application by what is believed to be configured.
 * Undefined when nothing has happened: it is no such flow, it is over or has come back already, or something else is configured by now.
 */
export async function departAtOnce(
  house: House,
  req: IncomingMessage,
  chosen: { id: string; applicationId: string; idp: Idp; state: string; configured: Configured },
): Promise<BrowserFlow | undefined> {
  const { id, applicationId, idp, state, configured } = chosen
  const bindings = bindingsOf(house, req)
  if (bindings.length === 0 || !isFlowId(id)) return undefined
  const row = await departFlowRow(house.db, {
    id,
    bindings,
    applicationId: applicationId === MY_ACCOUNT ? null : applicationId,
    configured: configured.version,
    idpId: idp.id,
    stateHash: sha256(state),
    now: house.now(),
  })
  return openFlow(house, req, row)
}

/**
 * Takes the callback of this browser's flow that left with that `state` for the idp of this name. Of any number of calls at once exactly one gets the
 * flow; undefined for all others, and for whoever came to the wrong address or without the flow's cookie.
 */
export async function takeCallback(
  house: House,
  req: IncomingMessage,
  { state, idpName }: { state: string; idpName: string },
): Promise<BrowserFlow | undefined> {
  const bindings = bindingsOf(house, req)
  // PostgreSQL takes no text with that character, and nothing is called so.
  if (bindings.length === 0 || idpName.includes('\0')) return undefined
  return openFlow(
    house,
    req,
    await takeCallbackRow(house.db, { stateHash: sha256(state), bindings, idpName, now: house.now() }),
  )
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

function isFlowId(id: string): boolean {
  return /^[\w-]{24}$/.test(id)
}

async function openFlow(
  house: House,
  req: IncomingMessage,
  row: FlowRow | undefined,
): Promise<BrowserFlow | undefined> {
  const secret = row && secretOf(house, req, row.id, row.binding)
  if (!secret) return undefined

  const sealingKey = deriveKey(secret, 'flow profile')
  const derived = (use: string, state: string) => keyedHash(deriveKey(secret, use), state).toString('base64url')
  // A process that did not know roles yet may have sealed it: it granted none.
  const profile = row.profile_sealed
    ? { roles: [], ...JSON.parse(unseal(sealingKey, row.id, row.profile_sealed)) }
    : undefined
  return {
    ...(await flowFrom(house, req, row, {
      profile,
      language: adoptLanguage((req as IncomingMessage & { res?: ServerResponse }).res, row.language ?? undefined),
    })),
    csrfSecret: deriveKey(secret, 'flow csrf').toString('base64url'),
    nonce: (state) => derived('flow nonce', state),
    codeVerifier: (state) => derived('flow code verifier', state),
    seal: (profile) => seal(sealingKey, row.id, JSON.stringify(profile)),
  }
}

/** What a row says of its flow, to whoever could open its profile. */
export async function flowFrom(
  house: House,
  req: IncomingMessage,
  row: FlowRow,
  opened: { profile: Profile | undefined; language: string },
): Promise<Flow> {
  const configured = await house.configured.at(row.configured)
  const idp = idpIn(configured, row.idp_id ?? undefined)
  const tag = tagOf(row.id)
  tagRequest(req, tag)
  return {
    id: row.id,
    tag,
    door: doorOf(house, row),
    idpId: row.idp_id ?? undefined,
    labels: idp ? { idp: idp.name, scheme: idp.jitEnabled ? idp.scheme : 'NONE' } : { idp: '', scheme: '' },
    configured,
    ...opened,
    calledBackAt: row.called_back_at ?? undefined,
    wasAsked: row.asked_at !== null,
    isApart: row.apart_at !== null,
    provedUserId: row.proved_user_id ?? undefined,
    provedBy: row.proved_by ?? undefined,
    factorUserId: row.factor_user_id ?? undefined,
    madeUserId: row.made?.userId,
    noted: row.noted ?? undefined,
    ending: row.ending ?? undefined,
    endedAt: row.closed_at ?? undefined,
    isLeft: row.left_at !== null,
    ...(row.standing ? { standing: row.standing } : {}),
    expiresAt: row.expires_at,
    isExpired: row.expires_at <= house.now(),
  }
}

/** As the database computes it, too (audit_events.code). */
function tagOf(id: string): string {
  const digits = sha256(id).toString('hex')
  return `${digits.slice(0, 4)}-${digits.slice(4, 8)}`
}

function endOfLife(house: House, from: Date): Date {
  return new Date(from.getTime() + house.flowMinutes * 60_000)
}
