// The tests' application: a real relying party that shows, and keeps for assertions, what Vestibule gave it.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import * as openid from 'openid-client'
import { listen } from '../../src/demo/listen.ts'
import { html } from '../../src/demo/pages.ts'
import { plainFetch } from './plain-fetch.ts'
import { fetchTrusting } from './tls-proxy.ts'

/** How one sign-in ended. */
export type SignInResult =
  | {
      kind: 'signed-in'
      sub: string
      idToken: openid.IDToken
      userinfo: openid.UserInfoResponse
      /** As they came, for tests that use them again. */
      tokens: { accessToken: string; idToken: string; refreshToken?: string }
    }
  /** Vestibule sent an error back, or the answer was not acceptable (then openid-client says why). */
  | { kind: 'error'; error: string; description: string }

export interface ApplicationOptions {
  /** Asked at the first sign-in, so Vestibule may start later; a function when its port is not known yet. */
  issuer: string | (() => string)
  clientId: string
  /** None: a public client. */
  clientSecret?: string
  port?: number
  /** After the callback, redirect to another origin and back before showing anything, as some real applications do. */
  bounce?: boolean
  /** False: no PKCE. */
  pkce?: boolean
  /** The certificate to trust when Vestibule is behind the tests' TLS proxy. */
  ca?: string
}

export interface Application {
  /** Without a trailing slash. The post-logout redirect URI to register is `${url}/bye`. */
  url: string
  redirectUri: string
  results: SignInResult[]
  stop(): Promise<void>
}

interface SigningIn {
  verifier: string
  state: string
  nonce: string
  /** Tokens in hand without knowing more of whose they are: the code is used up, and asking for claims again is not using it again. */
  unfinished?: Awaited<ReturnType<typeof openid.authorizationCodeGrant>>
}

/**
 * Starts an application at http://localhost on a free port. `/` and `/login` start a sign-in and pass their query on to the
 * authorization request (`/login?prompt=none`, `/login?scope=openid+offline_access`); `/callback` shows the result as JSON in
 * `<pre id="result">`; `/logout` signs out at Vestibule; `/bye` is where that comes back to.
 */
export async function startApplication(options: ApplicationOptions): Promise<Application> {
  const signingIn = new Map<string, SigningIn>()
  const results: SignInResult[] = []
  let discovered: openid.Configuration | undefined
  const vestibule = async () => {
    discovered ??= await discover(options)
    return discovered
  }

  const { port, stop } = await listen((req, res) => {
    answer(req, res).catch((error: unknown) => show(res, 500, String(error)))
  }, options.port ?? 0)
  const url = `http://localhost:${port}`
  const redirectUri = `${url}/callback`
  // The browser shares the cookies of localhost between all ports: two applications must not read each other's.
  const cookieName = `application-${port}`
  const other = options.bounce ? await listen((_req, res) => redirect(res, `${url}/arrived`), 0) : undefined

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const address = new URL(req.url ?? '/', url)
    switch (address.pathname) {
      case '/':
      case '/login':
        return login(address, res)
      case '/callback':
        results.push(await finish(address, signingIn.get(readCookie(req, cookieName))))
        if (other) return redirect(res, `http://127.0.0.1:${other.port}/bounce`)
        return showLast(res)
      case '/arrived':
        return showLast(res)
      case '/logout':
        return redirect(res, await endSession())
      case '/bye':
        return show(res, 200, 'Bye')
      default:
        return show(res, 404, 'Not found')
    }
  }

  async function login(address: URL, res: ServerResponse): Promise<void> {
    const id = randomBytes(16).toString('hex')
    const started = {
      verifier: openid.randomPKCECodeVerifier(),
      state: openid.randomState(),
      nonce: openid.randomNonce(),
    }
    signingIn.set(id, started)
    const challenge = await openid.calculatePKCECodeChallenge(started.verifier)
    const target = openid.buildAuthorizationUrl(await vestibule(), {
      redirect_uri: redirectUri,
      scope: 'openid profile email phone',
      state: started.state,
      nonce: started.nonce,
      ...(options.pkce === false ? {} : { code_challenge: challenge, code_challenge_method: 'S256' }),
      ...Object.fromEntries(address.searchParams),
    })
    res.setHeader('Set-Cookie', `${cookieName}=${id}; Path=/; HttpOnly; SameSite=Lax`)
    redirect(res, target.href)
  }

  async function finish(address: URL, started: SigningIn | undefined): Promise<SignInResult> {
    if (!started) return { kind: 'error', error: 'no sign-in under way', description: '' }
    try {
      const configuration = await vestibule()
      const tokens =
        started.unfinished ??
        (await openid.authorizationCodeGrant(configuration, address, {
          ...(options.pkce === false ? {} : { pkceCodeVerifier: started.verifier }),
          expectedState: started.state,
          expectedNonce: started.nonce,
          idTokenExpected: true,
        }))
      const idToken = tokens.claims()
      if (!idToken) throw new Error('no ID token')
      started.unfinished = tokens
      const userinfo = await openid.fetchUserInfo(configuration, tokens.access_token, idToken.sub)
      delete started.unfinished
      return {
        kind: 'signed-in',
        sub: idToken.sub,
        idToken,
        userinfo,
        tokens: {
          accessToken: tokens.access_token,
          idToken: tokens.id_token ?? '',
          ...(tokens.refresh_token === undefined ? {} : { refreshToken: tokens.refresh_token }),
        },
      }
    } catch (error) {
      if (error instanceof openid.AuthorizationResponseError || error instanceof openid.ResponseBodyError) {
        return { kind: 'error', error: error.error, description: error.error_description ?? '' }
      }
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
      return { kind: 'error', error: String(error), description: cause }
    }
  }

  async function endSession(): Promise<string> {
    const last = results.findLast((result) => result.kind === 'signed-in')
    return openid.buildEndSessionUrl(await vestibule(), {
      post_logout_redirect_uri: `${url}/bye`,
      ...(last ? { id_token_hint: last.tokens.idToken } : {}),
    }).href
  }

  function showLast(res: ServerResponse): void {
    const last = results.at(-1)
    const shown = last?.kind === 'signed-in' ? { sub: last.sub, idToken: last.idToken, userinfo: last.userinfo } : last
    show(res, 200, JSON.stringify(shown, null, 2))
  }

  return {
    url,
    redirectUri,
    results,
    stop: async () => {
      await Promise.all([stop(), other?.stop()])
    },
  }
}

function discover({ issuer, clientId, clientSecret, ca }: ApplicationOptions): Promise<openid.Configuration> {
  return openid.discovery(
    new URL(typeof issuer === 'string' ? issuer : issuer()),
    clientId,
    undefined,
    clientSecret === undefined ? openid.None() : openid.ClientSecretPost(clientSecret),
    {
      execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks],
      timeout: 10,
      [openid.customFetch]: ca === undefined ? plainFetch : fetchTrusting(ca),
    },
  )
}

function readCookie(req: IncomingMessage, name: string): string {
  const pairs = (req.headers.cookie ?? '').split('; ').map((pair) => pair.split('='))
  return pairs.find(([key]) => key === name)?.[1] ?? ''
}

function redirect(res: ServerResponse, location: string): void {
  res.writeHead(302, { Location: location }).end()
}

function show(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' })
  res.end(html`<!doctype html><title>Application</title><pre id="result">${text}</pre>`.markup)
}
