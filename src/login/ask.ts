// Asks identity providers over HTTP: what costs nothing to ask is asked once more, and keys are asked for by many at once.
import type { Fetch, Question } from './guarded-fetch.ts'

/** The keys that an idp publishes (RFC 7517, 5). */
export interface KeySet {
  keys: Record<string, unknown>[]
}

export interface Ask {
  /** Asks once: for tokens, which spends a code, and for userinfo. Throws what `fetch` throws. */
  once: Fetch
  /** Asks for what is the same for everybody, a description or keys, and once more at once when the idp is away or failing. */
  twice: Fetch
}

/** Anybody can send a token with a made-up key id, and each would have us ask again. */
const KEYS_AGAIN_PER_MINUTE = 5

/** Asks by this `fetch`. */
export function createAsk(fetch: Fetch): Ask {
  return {
    once: fetch,
    async twice(url, question) {
      const first = await fetch(url, question).catch((error) => {
        // The time is up, for a second try as well.
        if (question.signal?.aborted) throw error
        return undefined
      })
      return first && first.status < 500 ? first : fetch(url, question)
    },
  }
}

export interface Keys {
  /** The set as it was when it was last asked for. */
  known(): KeySet | undefined
  /**
   * Asks for the set because there is none in `had`, or not the key that is looked for. Any number of callers at once ask once, and
   * whoever had an older set than is known by now gets that one. What is known is the answer, too, when keys were looked for in vain too
   * often of late, and when the idp has none to give: others who share the set are not to lose theirs. Throws when nothing is known.
   */
  ask(had: KeySet | undefined, url: string, question: Question): Promise<Response>
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

  async function askAnew(url: string, question: Question): Promise<Response> {
    try {
      const answer = await ask.twice(url, question)
      const set = answer.status === 200 ? readKeySet(await answer.clone().text()) : undefined
      // What is no set does not replace one: the keys that were there are still good.
      if (!set && !known) return answer
      known = set ?? known
    } catch (error) {
      if (!known) throw error
    }
    return Response.json(known)
  }

  return {
    known: () => known,
    async ask(had, url, question) {
      if (known && (known !== had || !(asking || mayAskAgain()))) return Response.json(known)
      asking ??= askAnew(url, question).finally(() => {
        asking = undefined
      })
      return (await asking).clone()
    },
  }
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
