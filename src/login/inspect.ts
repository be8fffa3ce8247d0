// Looks at an idp before anybody signs in: what it says of itself, and whether it knows us. Keeps nothing, and needs no person.
import { randomBytes } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import type { Idp } from '../db/idps.ts'
import type { House } from '../house.ts'
import { codeOf, createAsk } from './ask.ts'
import { judgeClient, judgeClock, judgeKeys, unanswered } from './connection.ts'
import {
  type Check,
  checklistOf,
  type Description,
  descriptionAddress,
  type Endpoint,
  endpointsIn,
  listIn,
  pastedAddress,
  quote,
  readDescription,
  type Wanted,
} from './description.ts'
import { createGuardedFetch, type Question } from './guarded-fetch.ts'
import { callbackAddress } from './ways.ts'

export type Fetched =
  | {
      kind: 'settings'
      issuer: string
      /** Where the description was found. */
      address: string
      endpoints: Partial<Record<Endpoint, string>>
      /** What the idp says that it knows; empty when it does not say. */
      scopes: string[]
      claims: string[]
      checklist: Check[]
    }
  | { kind: 'failed'; sentence: string }

export interface Step extends Check {
  name: 'description' | 'clock' | 'keys' | 'client'
  ms: number
}

/** What a test of the connection needs of an idp. */
export type Tested = Pick<Idp, 'name' | 'issuer' | 'clientId' | 'clientSecretSealed'>

export interface Inspector {
  /** Reads the description of the idp whose issuer, or whose description's address, an operator pasted. Whatever the idp does is a sentence. */
  fetchSettings(pasted: string, wanted: Wanted): Promise<Fetched>
  /**
   * Goes through a sign-in as far as that goes without a person: description, clock, keys, and the token endpoint with a code that is made
   * up. Without a description there is nothing more to test. Whatever the idp does is a sentence.
   */
  testConnection(idp: Tested): Promise<Step[]>
}

/** As at a sign-in (oidc.ts). */
const TIMEOUT_MS = 5_000
const ALTOGETHER_MS = 8_000

/** What went wrong, as a sentence. */
class Failure extends Error {}

type Get = (url: string, question?: Question) => Promise<Response>

/** `lookup` finds the addresses of a name, in place of the system. */
export function createInspector(
  house: Pick<House, 'publicUrl' | 'keyring' | 'now' | 'allowPrivateIdp'>,
  lookup?: LookupFunction,
): Inspector {
  const mayBePrivate = house.allowPrivateIdp
  const ask = createAsk(createGuardedFetch({ mayBePrivate, ...(lookup ? { lookup } : {}) }))

  /** Asks within what is left of the time for all. Throws a `Failure` for no answer. */
  function startAsking(): Get {
    const altogether = AbortSignal.timeout(ALTOGETHER_MS)
    return async (url, question = {}) => {
      const signal = AbortSignal.any([altogether, AbortSignal.timeout(TIMEOUT_MS)])
      try {
        const headers = { Accept: 'application/json', ...question.headers }
        return await ask.once(url, { ...question, headers, signal })
      } catch (error) {
        throw new Failure(unanswered(new URL(url).host, codeOf(error) ?? 'IDP_FAILED', signal.aborted))
      }
    }
  }

  async function describe(get: Get, address: string): Promise<{ description: Description; answer: Response }> {
    const answer = await get(address)
    expectAnswer(answer, 'its description')
    const description = readDescription(await answer.text())
    if (!description) throw new Failure(`What is at ${quote(address)} is not the description of an OpenID Provider.`)
    return { description, answer }
  }

  async function testDescription(get: Get, idp: Tested): Promise<{ description: Description; answer: Response }> {
    const { description, answer } = await describe(get, descriptionAddress(idp.issuer))
    const issuer = String(description['issuer'])
    if (issuer !== idp.issuer)
      throw new Failure(`It calls itself ${quote(issuer)}, and here it is called ${quote(idp.issuer)}.`)
    return { description, answer }
  }

  async function testKeys(get: Get, idp: Tested, description: Description): Promise<Check> {
    const answer = await get(endpointOf(idp, description, 'keys'))
    expectAnswer(answer, 'its keys')
    return judgeKeys(await answer.text())
  }

  async function testClient(get: Get, idp: Tested, description: Description): Promise<Check> {
    const secret = secretOf(idp)
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code: `a-test-${randomBytes(16).toString('base64url')}`,
      redirect_uri: callbackAddress(house.publicUrl, idp.name),
      code_verifier: randomBytes(32).toString('base64url'),
      // As at a sign-in: openid-client sends both in the form (client_secret_post).
      client_id: idp.clientId,
      ...(secret === undefined ? {} : { client_secret: secret }),
    })
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const body = form.toString()
    const answer = await get(endpointOf(idp, description, 'token'), { method: 'POST', headers, body })
    return judgeClient(answer.status, await answer.text(), secret !== undefined)
  }

  function secretOf(idp: Tested): string | undefined {
    if (!idp.clientSecretSealed) return undefined
    try {
      return house.keyring.unseal(`idp ${idp.name}`, idp.clientSecretSealed)
    } catch {
      throw new Failure('Its secret was sealed under another SECRET_KEY and cannot be opened: set it again.')
    }
  }

  return {
    async fetchSettings(pasted, wanted) {
      const address = pastedAddress(pasted)
      if (address === undefined) return { kind: 'failed', sentence: 'This is no address of an identity provider.' }
      try {
        const { description } = await describe(startAsking(), address)
        return {
          kind: 'settings',
          issuer: String(description['issuer']),
          address,
          endpoints: endpointsIn(description),
          scopes: listIn(description, 'scopes_supported') ?? [],
          claims: listIn(description, 'claims_supported') ?? [],
          checklist: checklistOf(description, { address, wanted, mayBePrivate }),
        }
      } catch (error) {
        return { kind: 'failed', sentence: failureIn(error).message }
      }
    },
    async testConnection(idp) {
      const get = startAsking()
      const steps: Step[] = []
      const step = async (name: Step['name'], work: () => Promise<Check>) => {
        const begun = performance.now()
        const check = await work().catch((error): Check => ({ verdict: 'fail', sentence: failureIn(error).message }))
        steps.push({ name, ...check, ms: Math.round(performance.now() - begun) })
      }
      let described: Awaited<ReturnType<typeof testDescription>> | undefined
      await step('description', async () => {
        described = await testDescription(get, idp)
        return { verdict: 'ok', sentence: `It describes itself as ${quote(idp.issuer)}.` }
      })
      if (!described) return steps
      const { description, answer } = described
      await step('clock', async () => judgeClock(answer.headers, house.now()))
      await step('keys', () => testKeys(get, idp, description))
      await step('client', () => testClient(get, idp, description))
      return steps
    },
  }
}

function failureIn(error: unknown): Failure {
  if (error instanceof Failure) return error
  throw error
}

/** Throws unless what was asked for came. */
function expectAnswer({ status, headers }: Response, what: string): void {
  if (status === 200) return
  const location = headers.get('location')
  if (status >= 300 && status < 400 && location !== null)
    throw new Failure(`Asked for ${what}, it leads on to ${quote(location)}. Nobody follows: give that address itself.`)
  throw new Failure(`Asked for ${what}, it answers ${status}.`)
}

/** Throws for an endpoint that a sign-in would not ask either. */
function endpointOf(idp: Tested, description: Description, endpoint: 'keys' | 'token'): string {
  const address = endpointsIn(description)[endpoint]
  const what = endpoint === 'keys' ? 'keys' : 'token endpoint'
  if (address === undefined || !URL.canParse(address)) throw new Failure(`It names no address of its ${what}.`)
  const { protocol } = new URL(address)
  // A secret is not sent where the network can read it, unless all of the idp is there.
  if (protocol === 'https:' || (protocol === 'http:' && idp.issuer.startsWith('http:'))) return address
  throw new Failure(`The address of its ${what}, ${quote(address)}, is not https.`)
}
