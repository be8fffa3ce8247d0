// What a test sign-in hangs on and what comes of it. Law: all of it follows from the id of the operator's session, which is kept nowhere but in their browser.
import type { Request } from 'express'
import type { Idp } from '../db/idps.ts'
import { findTest, keepResult, type TestKey } from '../db/test-sign-ins.ts'
import type { House } from '../house.ts'
import { readFailure } from '../login/failure.ts'
import type { Checks } from '../login/oidc.ts'
import type { Claims } from '../login/rehearse.ts'
import { explain } from '../provisioning/explain.ts'
import { deriveKey, keyedHash, seal, sha256, unseal } from '../seal.ts'
import { idpAddress } from './idp-addresses.ts'

export const RESULT_MINUTES = 5

export type Result =
  | { kind: 'claims'; claims: Claims }
  /** `said` is what the idp, or whoever sent the browser back, says of it: plain text, and may be anything. */
  | { kind: 'failed'; code: string; sentence: string; said?: string }

type Failed = Result & { kind: 'failed' }

/** The row of a test. */
export function keyOf(sessionId: string, state: string): TestKey {
  return { stateHash: sha256(state), sessionHash: sha256(sessionId) }
}

/** What binds a callback to this departure of this session. */
export function checksOf(sessionId: string, state: string): Checks {
  const key = deriveKey(sessionId, 'test sign-in')
  const derived = (use: string) => keyedHash(key, use, state).toString('base64url')
  return { state, nonce: derived('nonce'), codeVerifier: derived('code verifier') }
}

/** Where the result of a test is. The hash of a state opens nothing. */
export function testAddress({ name }: Idp, test: Buffer | string): string {
  return idpAddress(
    name,
    `/test-sign-in/${typeof test === 'string' ? encodeURIComponent(test) : test.toString('base64url')}`,
  )
}

/** Does what needs the idp. Throws what is not the idp's fault. */
export async function attempt<Done>(
  house: House,
  idp: Idp,
  work: () => Promise<Done>,
): Promise<{ done: Done } | { failed: Failed }> {
  try {
    return { done: await work() }
  } catch (error) {
    const failure = readFailure(error)
    if (!failure) throw error
    house.log.warn({ err: error, idp: idp.name, code: failure.code }, 'idp did not complete a test sign-in')
    const { code, isDenial, said } = failure
    const outcome = isDenial ? 'idp-denied' : 'idp-failed'
    const sentence = explain({ outcome, cameBack: 0, problemCodes: [], failure: code, idp })
    return { failed: { kind: 'failed', code, sentence, ...(said === undefined ? {} : { said }) } }
  }
}

/** Keeps a result for as long as it is shown. */
export async function sealResult(house: House, sessionId: string, key: TestKey, result: Result): Promise<void> {
  const sealed = seal(resultKey(sessionId), contextOf(key.stateHash), textOf(result))
  await keepResult(house.db, key, sealed, new Date(house.now().getTime() + RESULT_MINUTES * 60_000))
}

/** The result that the address names; `awaited` before it is there. */
export async function openResult(house: House, req: Request, idp: Idp): Promise<Result | 'gone' | 'awaited'> {
  const named = String(req.params['test'])
  if (!/^[\w-]{43}$/.test(named)) return 'gone'
  const stateHash = Buffer.from(named, 'base64url')
  const test = await findTest(house.db, { stateHash, sessionHash: sha256(req.sessionID) }, house.now())
  if (!test || test.idpId !== idp.id) return 'gone'
  if (!test.resultSealed) return 'awaited'
  return JSON.parse(unseal(resultKey(req.sessionID), contextOf(stateHash), test.resultSealed)) as Result
}

function resultKey(sessionId: string): Buffer {
  return deriveKey(sessionId, 'test sign-in result')
}

/** A result cannot be moved to another test. */
function contextOf(stateHash: Buffer): string {
  return `test sign-in ${stateHash.toString('hex')}`
}

function textOf(result: Result): string {
  try {
    return JSON.stringify(result)
  } catch (error) {
    // The parser goes deeper than whoever writes it again.
    if (!(error instanceof RangeError)) throw error
    const sentence = 'What it says of the person is nested too deeply to be shown.'
    return JSON.stringify({ kind: 'failed', code: 'CLAIMS_TOO_DEEP', sentence } satisfies Result)
  }
}
