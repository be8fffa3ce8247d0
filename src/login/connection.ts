// What the answers of an idp, or their absence, tell of the connection to it, in sentences for an operator. Pure.
import { type Check, quote } from './description.ts'
import { CLOCK_TOLERANCE_SECONDS } from './id-token.ts'

/** Why no answer came from `host`: `code` is that of the error, `isLate` that the time was up. */
export function unanswered(host: string, code: string, isLate: boolean): string {
  if (code === 'IDP_PRIVATE_ADDRESS')
    return `${host} is on this machine or in a private network. ALLOW_PRIVATE_IDP=1 allows that.`
  if (isLate) return `${host} does not answer in time.`
  if (code === 'IDP_ANSWER_TOO_LONG') return `${host} answers with more than a megabyte.`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `Nobody knows the name ${host} (${code}).`
  if (code === 'ECONNREFUSED') return `Nobody listens at ${host} (${code}).`
  if (/CERT|SIGNATURE|SSL|TLS/.test(code)) return `The certificate of ${host} cannot be verified (${code}).`
  return `${host} cannot be asked (${code}).`
}

/** What the Date header says of the idp's clock, when it came at `now`. */
export function judgeClock(headers: Headers, now: Date): Check {
  const sent = Date.parse(headers.get('date') ?? '')
  if (Number.isNaN(sent)) return { verdict: 'warn', sentence: 'It does not say what time it is.' }
  // A cache on the way keeps the date of the first answer, and says how old that is (RFC 9111, 5.1).
  const age = Number(headers.get('age') ?? 0) || 0
  const ahead = Math.round((sent - now.getTime()) / 1000 + age)
  const distance = `Its clock is ${Math.abs(ahead)} seconds ${ahead > 0 ? 'ahead of' : 'behind'} ours`
  // The header has whole seconds, and the answer was on its way.
  if (Math.abs(ahead) <= 2) return { verdict: 'ok', sentence: 'Its clock and ours agree.' }
  return Math.abs(ahead) <= CLOCK_TOLERANCE_SECONDS
    ? { verdict: 'ok', sentence: `${distance}, which makes no difference.` }
    : { verdict: 'fail', sentence: `${distance}: beyond ${CLOCK_TOLERANCE_SECONDS} seconds, what it signs is refused.` }
}

/** What the idp's keys are good for (RFC 7517, 5). */
export function judgeKeys(text: string): Check {
  const keys = objectIn(text)?.['keys']
  const good = (Array.isArray(keys) ? keys : []).filter(
    (key) => ['RSA', 'EC', 'OKP', 'AKP'].includes(key?.kty) && (key.use ?? 'sig') === 'sig',
  )
  if (good.length === 0)
    return { verdict: 'fail', sentence: 'It publishes no key that an ID token could be verified by.' }
  const count = good.length === 1 ? 'one key' : `${good.length} keys`
  return { verdict: 'ok', sentence: `It publishes ${count} to verify ID tokens by.` }
}

/** What the token endpoint says to a code that nobody gave us: whether it knows the client is decided before the code (RFC 6749, 5.2). */
export function judgeClient(status: number, text: string, hasSecret: boolean): Check {
  const answer = objectIn(text) ?? {}
  const { error, error_description: more } = answer
  const which = hasSecret ? 'the client ID and the secret' : 'the client ID'
  if (error === 'invalid_grant')
    return { verdict: 'ok', sentence: `It knows ${which}: it refused the code alone, which was made up.` }
  const said = typeof error === 'string' ? `"${quote(error)}"` : `status ${status}`
  const words = `${said}${typeof more === 'string' ? `: ${quote(more)}` : ''}`
  if (error === 'invalid_client' || status === 401)
    return { verdict: 'fail', sentence: `It does not accept ${which} (${words}).` }
  if (status === 200 && 'access_token' in answer)
    return { verdict: 'fail', sentence: 'It gave tokens for a code that was made up.' }
  return { verdict: typeof error === 'string' ? 'warn' : 'fail', sentence: `Asked for tokens, it answers ${words}.` }
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(text)
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
