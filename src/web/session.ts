// Sessions of people who are signed in. The only file that imports the session package; where sessions are kept is its caller's to say.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Request, RequestHandler, Response } from 'express'
import session from 'express-session'
import { cookieAttributes, cookieName } from './cookies.ts'

/** Where sessions are kept, by id. */
export interface SessionKeeper {
  find(id: string): Promise<Record<string, unknown> | undefined>
  /** Makes one, at sign-in alone. */
  create(id: string, data: Record<string, unknown>): Promise<void>
  /** Changes one that is there. One that has been ended meanwhile stays ended. */
  put(id: string, data: Record<string, unknown>): Promise<void>
  touch(id: string): Promise<void>
  remove(id: string): Promise<void>
}

export interface Sessions {
  /** Finds the session of a request. Nothing is written, and no cookie is given, for a visitor who has not signed in. */
  middleware: RequestHandler
  /** Begins a session under a new id: one that was planted before the sign-in is worth nothing after it. */
  begin(req: Request, data: Record<string, unknown>): Promise<void>
  /** The same for a request that `middleware` has not seen. */
  enter(req: IncomingMessage, res: ServerResponse, data: Record<string, unknown>): Promise<void>
  /** Ends the session of a request, and takes its cookie back. */
  end(req: Request): Promise<void>
  /** Finds the session of a request once more; false when it has been ended meanwhile. */
  reload(req: Request): Promise<boolean>
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
  const find = session({
    name: cookieName(publicUrl, name),
    secret: secrets,
    store: new KeptSessions(keeper),
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
      await new Promise<void>((resolve, reject) =>
        req.session.regenerate((error: unknown) => (error ? reject(error) : resolve())),
      )
      Object.assign(req.session, data)
      await keeper.create(req.sessionID, { ...req.session })
    },
    async enter(req, res, data) {
      await new Promise<void>((resolve, reject) =>
        middleware(req as Request, res as Response, (error?: unknown) => (error ? reject(error) : resolve())),
      )
      await this.begin(req as Request, data)
    },
    async end(req) {
      await new Promise<void>((resolve, reject) =>
        req.session.destroy((error: unknown) => (error ? reject(error) : resolve())),
      )
      req.res?.appendHeader('Set-Cookie', `${cookieName(publicUrl, name)}=; Max-Age=0; ${cookieAttributes(publicUrl)}`)
    },
    async reload(req) {
      const data = await keeper.find(req.sessionID)
      if (data) req.sessionStore.createSession(req, data as unknown as session.SessionData)
      return data !== undefined
    },
  }
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

  constructor(keeper: SessionKeeper) {
    super()
    this.#keeper = keeper
  }

  override get(id: string, done: (error: unknown, found?: session.SessionData | null) => void): void {
    this.#keeper.find(id).then((data) => done(null, data ? (data as unknown as session.SessionData) : null), done)
  }

  override set(id: string, data: session.SessionData, done: (error?: unknown) => void = () => {}): void {
    this.#keeper.put(id, { ...data }).then(() => done(), done)
  }

  override touch(id: string, _data: session.SessionData, done: (error?: unknown) => void = () => {}): void {
    this.#keeper.touch(id).then(() => done(), done)
  }

  override destroy(id: string, done: (error?: unknown) => void = () => {}): void {
    this.#keeper.remove(id).then(() => done(), done)
  }
}
