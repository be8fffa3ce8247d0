// A browser as lean as can be, so that it takes little from the machine that is measured: cookies by origin, redirects followed, bytes counted.
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import type { Socket } from 'node:net'

export interface Answer {
  status: number
  url: URL
  headers: IncomingHttpHeaders
  body: Buffer
}

export interface Visitor {
  /** Bytes sent and received, headers included. */
  bytes: number
  requests: number
  get(url: string, headers?: Record<string, string>): Promise<Answer>
  post(url: string, form: URLSearchParams): Promise<Answer>
  /** Follows redirects, and pages that go on by themselves, until there are no more or the next one begins with `stopAt`. */
  follow(answer: Answer, stopAt?: string): Promise<Answer>
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
const LONGEST_ROAD = 15
let visitors = 0

/** Somebody's browser; `person` is who they are at the idp, which reads it in its cookie. */
export function openVisitor(idp: string, person: number): Visitor {
  visitors += 1
  const address = `10.${(visitors >> 16) & 255}.${(visitors >> 8) & 255}.${visitors & 255}`
  const jars = new Map([[idp, new Map([['person', String(person)]])]])
  const jarOf = (origin: string) => {
    const jar = jars.get(origin) ?? new Map<string, string>()
    jars.set(origin, jar)
    return jar
  }

  async function ask(method: string, url: URL, more: Record<string, string>, body?: string): Promise<Answer> {
    const jar = jarOf(url.origin)
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
    const headers = { Accept: 'text/html', 'X-Forwarded-For': address, ...(cookie ? { Cookie: cookie } : {}), ...more }
    const answer = await send(method, url, headers, body)
    visitor.requests += 1
    visitor.bytes += answer.bytes
    for (const line of answer.headers['set-cookie'] ?? []) keep(jar, line)
    return answer
  }

  const visitor: Visitor = {
    bytes: 0,
    requests: 0,
    get: (url, headers = {}) => ask('GET', new URL(url), headers),
    post(url, form) {
      const { origin } = new URL(url)
      const body = form.toString()
      return ask('POST', new URL(url), { Origin: origin, 'Sec-Fetch-Site': 'same-origin', ...about(body) }, body)
    },
    async follow(answer, stopAt) {
      let last = answer
      for (let hops = 0; hops < LONGEST_ROAD; hops += 1) {
        const next = onward(last)
        if (!next || (stopAt !== undefined && next.href.startsWith(stopAt))) return last
        last = await ask('GET', next, {})
      }
      throw new Error(`more than ${LONGEST_ROAD} redirects, the last to ${last.url.pathname}`)
    },
  }
  return visitor
}

/** A form as a server sends it. */
export function postForm(url: URL, form: URLSearchParams): Promise<Answer> {
  const body = form.toString()
  return send('POST', url, { Accept: 'application/json', ...about(body) }, body)
}

/** Where an answer leads: a redirect, or a page that goes on by itself. */
export function onward({ status, headers, url, body }: Answer): URL | undefined {
  if (status >= 300 && status < 400 && headers.location !== undefined) return new URL(headers.location, url)
  if (status !== 200) return undefined
  const [, refresh] = /<meta http-equiv="refresh" content="\d+; ?url=([^"]+)"/i.exec(body.toString('latin1')) ?? []
  return refresh === undefined ? undefined : new URL(refresh.replaceAll('&amp;', '&'), url)
}

function about(body: string): Record<string, string> {
  return { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': String(Buffer.byteLength(body)) }
}

function send(
  method: string,
  url: URL,
  headers: Record<string, string>,
  body = '',
): Promise<Answer & { bytes: number }> {
  return new Promise((resolve, reject) => {
    let socket: Socket
    let before = 0
    const sent = request(url, { method, headers, agent }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = socket.bytesRead + socket.bytesWritten - before
        resolve({ status: response.statusCode ?? 0, url, headers: response.headers, body: Buffer.concat(parts), bytes })
      })
    })
    // One connection carries one request at a time: what passed over it meanwhile is this request.
    sent.on('socket', (given) => {
      socket = given
      before = given.bytesRead + given.bytesWritten
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function keep(jar: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
  const at = pair.indexOf('=')
  const isOver = attributes.some(
    (one) => /^max-age=0$/i.test(one) || (/^expires=/i.test(one) && Date.parse(one.slice(8)) < Date.now()),
  )
  if (isOver) jar.delete(pair.slice(0, at))
  else jar.set(pair.slice(0, at), pair.slice(at + 1))
}
