// Sessions of people who are signed in. The only file that imports the session package; where sessions are kept is its caller's to say.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Request, RequestHandler, Response } from 'express'
import session from 'express-session'
import { cookieAttributes, cookieName } from './cookies.ts'
import { newSecret } from './csrf.ts'

/** A session as it is found. */
export interface KeptSession {
  data: Record<string, unknown>
  /** It was used so short a time ago that noting this use, too, would change nothing that matters. */
  isFresh: boolean
  /** What was found with it, for whoever knows where it is kept. */
  about: object
}

/** Where sessions are kept, by id. */
export interface SessionKeeper {
  find(id: string): Promise<KeptSession | undefined>
  /** Makes one, at sign-in alone. */
  create(id: string, data: Record<string, unknown>): Promise<void>
  /** Changes one that is there. One that has been ended meanwhile stays ended. */
  put(id: string, data: Record<string, unknown>): Promise<void>
  touch(id: string): Promise<void>
  remove(id: string): Promise<void>
}

/** Makes a session; false when there is to be none. */
type Create = (id: string, data: Record<string, unknown>) => Promise<boolean>

export interface Sessions {
  /** Finds the session of a request. Nothing is written, and no cookie is given, for a visitor who has not signed in. */
  middleware: RequestHandler
  /** Begins a session under a new id: one that was planted before the sign-in is worth nothing after it. */
  begin(req: Request, data: Record<string, unknown>): Promise<void>
  /** The same for a request that `middleware` has not seen. `create` makes it, or returns false: then there is none, and no cookie. */
  enter(req: IncomingMessage, res: ServerResponse, data: Record<string, unknown>, create: Create): Promise<boolean>
  /** Ends the session of a request, and takes its cookie back. */
  end(req: Request): Promise<void>
  /** Finds the session of a request once more; false when it has been ended meanwhile. */
  reload(req: Request): Promise<boolean>
  /** What was found with the session of a request; undefined of one that was begun by it. */
  aboutOf(req: Request): object | undefined
}

/** `secrets` sign the cookie, newest first. `name` is the cookie's, without its prefix. */
export function createSessions(options: {
  publicUrl: URL
  name: string
  secrets: string[]
  keeper: SessionKeeper
}): Sessions {
  const { publicUrl, name, secrets, keeper } = options
  const secure = publicUrl.protocol === 'https:'
  const store = new KeptSessions(keeper)
  const find = session({
    name: cookieName(publicUrl, name),
    secret: secrets,
    store,
    resave: false,
    saveUninitialized: false,
    cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure },
  })
  const middleware: RequestHandler = (req, res, next) => {
    // The package gives a secure cookie only where it believes the connection to be. People come by PUBLIC_URL, whatever a proxy says of that.
    Object.defineProperty(req, 'secure', { value: secure, configurable: true })
    find(req, res, next)
  }
  return {
    middleware,
    async begin(req, data) {
      await renew(req, data)
      await store.begin(req, async (id, kept) => {
        await keeper.create(id, kept)
        return true
      })
    },
    async enter(incoming, res, data, create) {
      const req = incoming as Request
      await new Promise<void>((resolve, reject) =>
        middleware(req, res as Response, (error?: unknown) => (error ? reject(error) : resolve())),
      )
      await renew(req, data)
      if (await store.begin(req, create)) return true
      delete (req as { session?: unknown }).session
      return false
    },
    async end(req) {
      await new Promise<void>((resolve, reject) =>
        req.session.destroy((error: unknown) => (error ? reject(error) : resolve())),
      )
      req.res?.appendHeader('Set-Cookie', `${cookieName(publicUrl, name)}=; Max-Age=0; ${cookieAttributes(publicUrl)}`)
    },
    async reload(req) {
      const found = await keeper.find(req.sessionID)
      if (found) store.createSession(req, store.found(found))
      return found !== undefined
    },
    aboutOf: (req) => store.aboutOf(req.session),
  }
}

/** The id in the cookie of a session, as the package writes it: s:<id>.<signature>. Undefined for what is none; whether it is signed is not looked at. */
export function idInCookie(value: string): string | undefined {
  return /^s%3A([\w-]{1,100})\./i.exec(value)?.[1]
}

/** A session of nobody has an id that was made for this request, and nobody knows. */
async function renew(req: Request, data: Record<string, unknown>): Promise<void> {
  if (Object.keys(req.session).length > 1)
    await new Promise<void>((resolve, reject) =>
      req.session.regenerate((error: unknown) => (error ? reject(error) : resolve())),
    )
  Object.assign(req.session, data, { csrfSecret: newSecret() })
}

/**
 * Sends on to another page, which finds what the session says now. The package saves when an answer ends, but sends the head of one that has a body
 * before that: the browser would be there too early.
 */
export function redirectSaved(res: Response, to: string): void {
  res.status(303).location(to).set('Content-Length', '0').end()
}

class KeptSessions extends session.Store {
  readonly #keeper: SessionKeeper
  /** How sessions are made that are not there yet, by id. */
  readonly #beginning = new Map<string, Create>()
  /** What was found, by its data and by the session that it became. */
  readonly #found = new WeakMap<object, KeptSession>()

  constructor(keeper: SessionKeeper) {
    super()
    this.#keeper = keeper
  }

  override get(id: string, done: (error: unknown, found?: session.SessionData | null) => void): void {
    this.#keeper.find(id).then((found) => done(null, found ? this.found(found) : null), done)
  }

  /** The data of a session, for the package to make one of. */
  found(kept: KeptSession): session.SessionData {
    this.#found.set(kept.data, kept)
    return kept.data as unknown as session.SessionData
  }

  aboutOf(made: object): object | undefined {
    return this.#found.get(made)?.about
  }

  override createSession(req: Request, data: session.SessionData): session.Session & session.SessionData {
    const made = super.createSession(req, data)
    const kept = this.#found.get(data)
    if (kept) this.#found.set(made, kept)
    return made
  }

  /** Makes the session of a request, as the package saves one: so it knows that there is nothing left to save when the answer ends. */
  async begin(req: Request, create: Create): Promise<boolean> {
    let isMade = false
    this.#beginning.set(req.sessionID, async (id, data) => {
      isMade = await create(id, data)
      return isMade
    })
    await new Promise<void>((resolve, reject) =>
      req.session.save((error: unknown) => (error ? reject(error) : resolve())),
    )
    return isMade
  }

  override set(id: string, data: session.SessionData, done: (error?: unknown) => void = () => {}): void {
    const create = this.#beginning.get(id)
    this.#beginning.delete(id)
    const kept: Promise<unknown> = create ? create(id, { ...data }) : this.#keeper.put(id, { ...data })
    kept.then(() => done(), done)
  }

  override touch(id: string, data: session.SessionData, done: (error?: unknown) => void = () => {}): void {
    if (this.#found.get(data)?.isFresh) done()
    else this.#keeper.touch(id).then(() => done(), done)
  }

  override destroy(id: string, done: (error?: unknown) => void = () => {}): void {
    this.#keeper.remove(id).then(() => done(), done)
  }
}
