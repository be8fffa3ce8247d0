// Keys that open a flow to others than its browser. Law: what one opens is ciphertext under a key that follows from it, so the database tells nobody.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type FlowKey, findFlowKey, insertFlowKey, type KeyKind, spendFlowKey } from './db/flow-keys.ts'
import { findFlowRow } from './db/flows.ts'
import { type Flow, flowFrom } from './flow.ts'
import type { House } from './house.ts'
import type { Profile } from './login/profile.ts'
import { deriveKey, seal, sha256, unseal } from './seal.ts'
import { DEFAULT_LANGUAGE } from './web/language-tags.ts'

/** How long a key may be on its way from one server to another, by the browser in between. */
const ON_ITS_WAY_SECONDS = 60

/** A key that somebody brought, and what it opens: nothing when it was used, has expired, or its flow is over. */
export interface BroughtKey {
  hash: Buffer
  flowId: string
  applicationId: string | null
  content: string | undefined
}

/** Makes a key of an open flow: 32 random bytes. Undefined when the flow is not open. `applicationId` is who may use it, if not whoever serves pages. */
export async function giveKey(
  house: House,
  flowId: string,
  kind: KeyKind,
  content: string,
  applicationId?: string,
): Promise<string | undefined> {
  const { key, row } = newKey(house, flowId, kind, content)
  const isGiven = await insertFlowKey(house.db, { ...row, applicationId: applicationId ?? null })
  return isGiven ? key : undefined
}

/** A new key with its row, for the statement that inserts it. */
export function newKey(house: House, flowId: string, kind: KeyKind, content: string) {
  const key = randomBytes(32).toString('base64url')
  const createdAt = house.now()
  const sealed = seal(deriveKey(key, `flow key ${kind}`), `${flowId} ${kind}`, content)
  // A token is what a page holds while somebody reads it.
  const expiresAt = kind === 'token' ? null : new Date(createdAt.getTime() + ON_ITS_WAY_SECONDS * 1000)
  return { key, row: { hash: sha256(key), flowId, kind, sealed, expiresAt, createdAt } }
}

/** Looks at a key and uses nothing up, so that a wrong hand does not burn it. Undefined for one that was never given out. */
export async function lookAtKey(house: House, kind: KeyKind, key: unknown): Promise<BroughtKey | undefined> {
  if (typeof key !== 'string' || !/^[\w-]{43}$/.test(key)) return undefined
  const row = await findFlowKey(house.db, kind, sha256(key))
  if (!row) return undefined
  const { hash, flowId, applicationId } = row
  return { hash, flowId, applicationId, content: isLive(house, row) ? openWith(key, row) : undefined }
}

/** Uses a key up. Of any number of calls at once exactly one gets true. */
export function spendKey(house: House, { hash }: BroughtKey): Promise<boolean> {
  return spendFlowKey(house.db, hash, house.now())
}

/** What the keys of a page open: who this is about, and the language that the person reads. */
export interface PageContent {
  profile: Profile
  language: string
}

/** The flow of a page's key or token, with what that opens. `req` is the request that the log tells of it. */
export async function flowOfKey(house: House, req: IncomingMessage, brought: BroughtKey): Promise<Flow | undefined> {
  const row = await findFlowRow(house.db, brought.flowId)
  if (!row) return undefined
  const opened: Partial<PageContent> = brought.content === undefined ? {} : JSON.parse(brought.content)
  return flowFrom(house, req, row, { profile: opened.profile, language: opened.language ?? DEFAULT_LANGUAGE })
}

function isLive(house: House, { expiresAt, usedAt }: FlowKey): boolean {
  return usedAt === null && (expiresAt === null || expiresAt > house.now())
}

function openWith(key: string, { kind, flowId, sealed }: FlowKey): string | undefined {
  return sealed ? unseal(deriveKey(key, `flow key ${kind}`), `${flowId} ${kind}`, sealed) : undefined
}
