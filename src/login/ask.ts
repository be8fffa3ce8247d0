// Asks identity providers over HTTP. No answer is read without end, and what costs nothing to ask is asked once more.
import type { Fetch } from './guarded-fetch.ts'

/** The keys that an idp publishes (RFC 7517, 5). */
export interface KeySet {
  keys: Record<string, unknown>[]
}

export interface Ask {
  /**
   * Asks once: for tokens, which spends a code, and for userinfo. Redirects are not followed. Throws what `fetch` throws, and an error
   * with the code IDP_ANSWER_TOO_LONG for an answer of more than a megabyte, compressed or not.
   */
  once: Fetch
  /** Asks for what is the same for everybody, a description or keys, and once more at once when the idp is away or failing. */
  twice: Fetch
}

/** Far above the largest honest answer: a description, a set of keys, tokens with hundreds of groups in them. */
const LONGEST_ANSWER_BYTES = 1_000_000
/** Anybody can send a token with a made-up key id, and each would have us ask again. */
const KEYS_AGAIN_PER_MINUTE = 5

/** Asks by this `fetch`. */
export function createAsk(fetch: Fetch): Ask {
  return {
    once: async (url, options) => read(await fetch(url, options)),
    async twice(url, options) {
      const first = await fetch(url, options).catch((error) => {
        // The time is up, for a second try as well.
        if (options.signal?.aborted) throw error
        return undefined
      })
      if (first && first.status < 500) return read(first)
      await first?.body?.cancel()
      return read(await fetch(url, options))
    },
  }
}

export interface Keys {
  /** The set as it was when it was last asked for. */
  known(): KeySet | undefined
  /**
   * Asks for the set because there is none in `had`, or not the key that is looked for. Any number of callers at once ask once, and
   * whoever had an older set than is known by now gets that one. Throws an error with the code IDP_KEYS_ASKED_ENOUGH when keys
   * were looked for in vain too often of late.
   */
  ask(had: KeySet | undefined, url: string, options: RequestInit): Promise<Response>
}

/** Remembers the keys of one idp. */
export function createKeys(ask: Ask, now: () => Date): Keys {
  let known: KeySet | undefined
  let asking: Promise<Response> | undefined
  let askedAgain: number[] = []

  function mayAskAgain(): boolean {
    const at = now().getTime()
    askedAgain = askedAgain.filter((before) => before > at - 60_000)
    return askedAgain.length < KEYS_AGAIN_PER_MINUTE && askedAgain.push(at) > 0
  }

  async function askAnew(url: string, options: RequestInit): Promise<Response> {
    const answer = await ask.twice(url, options)
    const set = answer.status === 200 ? readKeySet(await answer.clone().text()) : undefined
    // What is no set does not replace one: the keys that were there are still good.
    if (!set) return answer
    known = set
    return Response.json(set)
  }

  return {
    known: () => known,
    async ask(had, url, options) {
      if (known && known !== had) return Response.json(known)
      if (!asking) {
        if (known && !mayAskAgain()) throw codedError('IDP_KEYS_ASKED_ENOUGH', 'Its keys were asked for often enough.')
        asking = askAnew(url, options).finally(() => {
          asking = undefined
        })
      }
      return (await asking).clone()
    },
  }
}

async function read(answer: Response): Promise<Response> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of answer.body ?? []) {
    length += part.byteLength
    // Leaving the loop hangs up: the rest is not even received.
    if (length > LONGEST_ANSWER_BYTES) throw codedError('IDP_ANSWER_TOO_LONG', 'The answer is too long.')
    parts.push(part)
  }
  const { status, headers } = answer
  // Some statuses may have no body, not even an empty one (Fetch standard, "null body status").
  return new Response(length === 0 ? null : Buffer.concat(parts), { status, headers })
}

/** The keys that can be looked at; one that is malformed must not keep the others from being used (RFC 7517, 5). */
function readKeySet(text: string): KeySet | undefined {
  try {
    const { keys }: { keys: unknown } = JSON.parse(text)
    return Array.isArray(keys) ? { keys: keys.filter(isKey) } : undefined
  } catch {
    return undefined
  }
}

function isKey(key: unknown): boolean {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return false
  const { key_ops: uses } = key as { key_ops?: unknown }
  return uses === undefined || Array.isArray(uses)
}

/** An error that is told apart by its code, which is safe to log. */
export function codedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** The first code on the way down to the cause. Only errors are asked: the cause of some is what the idp sent. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : codeOf(error.cause)
}
