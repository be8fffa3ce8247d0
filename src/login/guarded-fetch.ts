// Fetches from identity providers, and from nowhere in our own networks. Law: the address that is connected to is the one that was judged.
import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { Agent, buildConnector, type Dispatcher, request } from 'undici'
import { codedError } from './ask.ts'
import { isPrivateHost, isPublicAddress } from './private-addresses.ts'

/** What is asked. Whatever is said of redirects, none is followed. */
export interface Question {
  method?: string
  headers?: Record<string, string>
  body?: string | URLSearchParams | null
  signal?: AbortSignal
  redirect?: string
}

/** Answers when all of the answer is there: its body costs no further waiting. */
export type Fetch = (url: string, question: Question) => Promise<Response>

/** The code of an error that says: the address is private, and the setting that allows such addresses is off. */
export const PRIVATE_ADDRESS = 'IDP_PRIVATE_ADDRESS'

/** Far above the largest honest answer: a description, a set of keys, tokens with hundreds of groups in them. */
const LONGEST_ANSWER_BYTES = 1_000_000

/**
 * A `fetch` of its own connections, which follows no redirect: where one leads, nobody has judged. Unless `mayBePrivate`, what is connected to
 * has to be a public address, at each connection anew: between a look at a name and its use, its owner can let it point elsewhere (DNS
 * rebinding). Otherwise it throws, with an error of the code IDP_PRIVATE_ADDRESS among the causes; and one of the code IDP_ANSWER_TOO_LONG for an
 * answer of more than a megabyte, compressed or not. `lookup` finds the addresses of a name.
 */
export function createGuardedFetch(options: { mayBePrivate: boolean; lookup?: LookupFunction }): Fetch {
  const lookup = options.lookup ?? (systemLookup as LookupFunction)
  const connect = options.mayBePrivate ? buildConnector({ lookup }) : onlyPublic(lookup)
  const dispatcher = new Agent({ connect })
  return async (url, { method = 'GET', headers, body, signal }) => {
    // Not the package's fetch, which costs five times as much: what browsers need of it is not needed here.
    const answer = await request(url, {
      dispatcher,
      method: method as Dispatcher.HttpMethod,
      headers: { 'user-agent': 'vestibule', 'accept-encoding': 'identity', ...headers },
      body: body ? String(body) : null,
      ...(signal ? { signal } : {}),
    })
    return toResponse(answer)
  }
}

async function toResponse({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Response> {
  const bytes = plain(await read(body), headers['content-encoding'])
  const fields = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)])
  // Some statuses may have no body, not even an empty one (Fetch standard, "null body status").
  return new Response(bytes.length === 0 ? null : bytes, { status: statusCode, headers: fields })
}

async function read(body: Dispatcher.ResponseData['body']): Promise<Buffer<ArrayBuffer>> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body as AsyncIterable<Buffer>) {
    length += part.byteLength
    // Leaving the loop hangs up: the rest is not even received.
    if (length > LONGEST_ANSWER_BYTES) throw tooLong()
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Nobody is asked to compress. Those that do so for everybody do it by gzip. */
function plain(bytes: Buffer<ArrayBuffer>, encoding: string | string[] | undefined): Buffer<ArrayBuffer> {
  if (encoding !== 'gzip') return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: LONGEST_ANSWER_BYTES })
  } catch (error) {
    throw (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? tooLong() : error
  }
}

function tooLong(): Error {
  return codedError('IDP_ANSWER_TOO_LONG', 'The answer is too long.')
}

function onlyPublic(lookup: LookupFunction): buildConnector.connector {
  const connect = buildConnector({
    lookup: (hostname, options, done) =>
      lookup(hostname, options, (error, found, family) => {
        const addresses = typeof found === 'string' ? [found] : (found ?? []).map(({ address }) => address)
        // One that is private spoils all: what a name of the internet has to do in our networks is nothing.
        if (!error && !addresses.every(isPublicAddress)) return done(refusal(), found, family)
        done(error, found, family)
      }),
  })
  return (target, done) => {
    // A number is never looked up.
    if (isPrivateHost(target.hostname)) return done(refusal(), null)
    connect(target, done)
  }
}

function refusal(): Error {
  return codedError(PRIVATE_ADDRESS, 'The address is private: ALLOW_PRIVATE_IDP=1 allows it.')
}
