// The cookies of the tests' browser, kept and sent by the rules of RFC 6265bis, with Chromium's where that leaves a choice.

export interface Cookie {
  name: string
  value: string
  host: string
  /** True: sent to this host alone; false: to its subdomains too, because a Domain was given. */
  hostOnly: boolean
  path: string
  secure: boolean
  httpOnly: boolean
  sameSite: 'strict' | 'lax' | 'none'
  /** Absent: until the browser is closed. */
  expiresAt?: number
}

/** Who asks: the page that made the browser go somewhere, or nothing when a person typed the address. */
export interface Asking {
  from?: URL
  method: string
}

export interface CookieJar {
  list(): Cookie[]
  /** The cookie of this name, if one host has it; tests seldom have two. */
  get(name: string): Cookie | undefined
  delete(name: string): void
  clear(): void
  /** The Cookie header for a request, or an empty string. */
  header(url: URL, asking: Asking): string
  /** Keeps what a response sets. Ports are not told apart, as in every browser. */
  keep(url: URL, setCookie: string[]): void
}

/** An empty jar. Plain http is never trusted with a Secure cookie here, not even on localhost, as a public http site would not be. */
export function cookieJar(): CookieJar {
  let cookies: Cookie[] = []
  const list = () => {
    cookies = cookies.filter((cookie) => cookie.expiresAt === undefined || cookie.expiresAt > Date.now())
    return cookies
  }
  return {
    list,
    get: (name) => list().find((cookie) => cookie.name === name),
    delete: (name) => {
      cookies = cookies.filter((cookie) => cookie.name !== name)
    },
    clear: () => {
      cookies = []
    },
    header: (url, asking) =>
      list()
        .filter((cookie) => isSent(cookie, url, asking))
        .sort((one, other) => other.path.length - one.path.length)
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
    keep: (url, setCookie) => {
      for (const cookie of setCookie.map((line) => readSetCookie(line, url))) {
        if (!isAcceptable(cookie, url)) continue
        const { name, host, path } = cookie
        cookies = cookies.filter((one) => one.name !== name || one.host !== host || one.path !== path)
        cookies.push(cookie)
      }
    },
  }
}

/** Two addresses are of one site if scheme and host agree; the tests have no subdomains that would share a site. */
export function isSameSite(one: URL, other: URL): boolean {
  return one.protocol === other.protocol && one.hostname === other.hostname
}

function isSent(cookie: Cookie, url: URL, { from, method }: Asking): boolean {
  const crossSite = from !== undefined && !isSameSite(from, url)
  if (crossSite && cookie.sameSite === 'strict') return false
  if (crossSite && cookie.sameSite === 'lax' && method !== 'GET') return false
  if (cookie.secure && url.protocol !== 'https:') return false
  const hostMatches = url.hostname === cookie.host || (!cookie.hostOnly && url.hostname.endsWith(`.${cookie.host}`))
  const folder = cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`
  return hostMatches && (url.pathname === cookie.path || url.pathname.startsWith(folder))
}

function isAcceptable(cookie: Cookie, url: URL): boolean {
  const secure = cookie.secure && url.protocol === 'https:'
  if (cookie.name === '') return false
  if (cookie.secure && !secure) return false
  if (cookie.sameSite === 'none' && !secure) return false
  if (cookie.name.startsWith('__Secure-') && !secure) return false
  if (cookie.name.startsWith('__Host-') && !(secure && cookie.hostOnly && cookie.path === '/')) return false
  return url.hostname === cookie.host || url.hostname.endsWith(`.${cookie.host}`)
}

function readSetCookie(line: string, url: URL): Cookie {
  const [pair = '', ...rest] = line.split(';').map((part) => part.trim())
  const attributes = new Map(rest.map(split).map(([key, text]) => [key.toLowerCase(), text]))
  const [name, value] = split(pair)
  const domain = attributes.get('domain')?.toLowerCase().replace(/^\./, '')
  const path = attributes.get('path')
  const sameSite = attributes.get('samesite')?.toLowerCase()
  return {
    name,
    value,
    host: domain || url.hostname,
    hostOnly: !domain,
    path: path?.startsWith('/') ? path : url.pathname.slice(0, url.pathname.lastIndexOf('/')) || '/',
    secure: attributes.has('secure'),
    httpOnly: attributes.has('httponly'),
    sameSite: sameSite === 'strict' || sameSite === 'none' ? sameSite : 'lax',
    ...expiry(attributes.get('max-age'), attributes.get('expires')),
  }
}

function expiry(maxAgeSeconds: string | undefined, expires: string | undefined): { expiresAt?: number } {
  if (maxAgeSeconds !== undefined) return { expiresAt: Date.now() + Number(maxAgeSeconds) * 1000 }
  return expires === undefined ? {} : { expiresAt: Date.parse(expires) }
}

function split(part: string): [string, string] {
  const at = part.indexOf('=')
  return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
}
