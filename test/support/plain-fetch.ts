// One request of the tests' browser, and of their application: what fetch makes of it but for its layer, which takes longer than the request.
import { type Dispatcher, request } from 'undici'

/** What openid-client and the tests' browser ask of a fetch. */
export interface FetchInit {
  method?: string
  headers?: Record<string, string>
  body?: unknown
  signal?: AbortSignal
}

/** Asks once, follows no redirect, adds no header of its own; the answer is there whole. Rejects with what broke the connection. */
export async function plainFetch(address: string | URL, init: FetchInit = {}): Promise<Response> {
  const { method = 'GET', headers = {}, body = null, signal = null } = init
  const answer = await request(address, {
    method: method as Dispatcher.HttpMethod,
    headers,
    body: body === null || body instanceof Uint8Array ? body : String(body),
    signal,
  })
  const given = Object.entries(answer.headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  )
  return answerOf(address, answer.statusCode, new Headers(given), new Uint8Array(await answer.body.arrayBuffer()))
}

/** A Response as fetch gives it, with where it came from. */
export function answerOf(
  address: string | URL,
  status: number,
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Response {
  // With one of these statuses it must have no body at all, not even an empty one.
  const response = new Response([204, 205, 304].includes(status) ? null : body, { status, headers })
  return Object.defineProperty(response, 'url', { value: new URL(address).href })
}
