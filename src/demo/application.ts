// The application of the demonstration, "Travel": signs people in through Vestibule and shows what it was given.
import { randomBytes } from 'node:crypto'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import session from 'express-session'
import * as openid from 'openid-client'
import { galleryRoutes } from './gallery.ts'
import { listen } from './listen.ts'
import { html, page, send, servePages } from './pages.ts'

interface Traveller {
  subject: string
  attributes: Record<string, unknown>
}

/** What this application keeps in a browser's session: a sign-in under way, or who signed in. */
interface Kept {
  signingIn?: { verifier: string; state: string; nonce: string }
  traveller?: Traveller
}

/**
 * Starts the application at http://localhost:<port> (0: a free one). It is registered at `issuer` with the redirect URI
 * <url>/callback and the post-logout redirect URI <url>/. The issuer is first asked when somebody signs in, so it may start later.
 * @returns its address, without a trailing slash, and a stop that also ends open connections
 * @throws the listen error, such as EADDRINUSE
 */
export async function startDemoApplication(options: {
  port: number
  issuer: string
  clientId: string
  clientSecret: string
  /** Those of the gallery. */
  themes?: string[]
}): Promise<{ url: string; stop(): Promise<void> }> {
  const app = express()
  const { port, stop } = await listen(app, options.port)
  const url = `http://localhost:${port}`
  servePages(app)
  app.use(galleryRoutes({ url, themes: options.themes ?? [], cache: false }))
  app.use(
    session({
      name: 'travel.sid',
      secret: randomBytes(32).toString('hex'),
      resave: false,
      saveUninitialized: false,
      // Lax, not strict: people come back to /callback by a link of another site.
      cookie: { httpOnly: true, sameSite: 'lax' },
    }),
  )
  addRoutes(
    app,
    { url, account: `${options.issuer}/myaccount` },
    lazily(() => discover(options)),
  )
  app.use(showProblem)
  return { url, stop }
}

function addRoutes(
  app: Express,
  { url, account }: { url: string; account: string },
  vestibule: () => Promise<openid.Configuration>,
): void {
  app.get('/', (req, res) => {
    const { traveller } = kept(req)
    send(res, 200, traveller ? travellerPage(traveller, account) : welcomePage())
  })

  app.get('/sign-in', async (req, res) => {
    const configuration = await vestibule()
    const signingIn = {
      verifier: openid.randomPKCECodeVerifier(),
      state: openid.randomState(),
      nonce: openid.randomNonce(),
    }
    kept(req).signingIn = signingIn
    const address = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: `${url}/callback`,
      scope: 'openid profile email phone roles',
      state: signingIn.state,
      nonce: signingIn.nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(signingIn.verifier),
      code_challenge_method: 'S256',
    })
    res.redirect(303, address.href)
  })

  app.get('/callback', async (req, res) => {
    const { signingIn } = kept(req)
    if (!signingIn) return send(res, 400, problemPage('No sign-in is under way in this browser.'))
    delete kept(req).signingIn
    const configuration = await vestibule()
    const tokens = await openid.authorizationCodeGrant(configuration, new URL(req.originalUrl, url), {
      pkceCodeVerifier: signingIn.verifier,
      expectedState: signingIn.state,
      expectedNonce: signingIn.nonce,
      idTokenExpected: true,
    })
    const subject = tokens.claims()?.sub ?? ''
    const { sub: _, ...attributes } = await openid.fetchUserInfo(configuration, tokens.access_token, subject)
    await newSession(req)
    kept(req).traveller = { subject, attributes }
    res.redirect(303, '/')
  })

  app.post('/sign-out', async (req, res) => {
    const { traveller } = kept(req)
    await newSession(req)
    if (!traveller) return res.redirect(303, '/')
    // The library says who asks by client_id: an ID token has no place in an address.
    const address = openid.buildEndSessionUrl(await vestibule(), { post_logout_redirect_uri: `${url}/` })
    res.redirect(303, address.href)
  })
}

function kept(req: Request): Kept {
  return req.session as Request['session'] & Kept
}

/** Whoever signs in or out gets a new session id, so that one planted before is worth nothing. */
function newSession(req: Request): Promise<void> {
  return new Promise((resolve, reject) => req.session.regenerate((error) => (error ? reject(error) : resolve())))
}

function discover(options: { issuer: string; clientId: string; clientSecret: string }): Promise<openid.Configuration> {
  return openid.discovery(new URL(options.issuer), options.clientId, options.clientSecret, undefined, {
    // Plain http on loopback, so the signature of ID tokens is all there is to trust: it is not checked by default.
    execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks],
    timeout: 5,
  })
}

/** Calls once and keeps the answer, but forgets a failure, so that the next person tries again. */
function lazily<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
}

function welcomePage(): string {
  return page(
    'Travel',
    'Where to next?',
    html`<p class="muted">Travel stands for an application. It knows nobody by itself and sends people to Vestibule to sign in.</p>
<p><a class="action" href="/sign-in">Sign in</a></p>
<p><a href="/gallery">Every page of Vestibule</a></p>`,
  )
}

function travellerPage({ subject, attributes }: Traveller, account: string): string {
  const rows = Object.entries(attributes).map(([name, value]) => {
    const shown = typeof value === 'string' ? value : JSON.stringify(value)
    return html`<tr><th scope="row">${name}</th><td>${shown}</td></tr>`
  })
  return page(
    'Travel',
    'You are signed in',
    html`<table>
<caption>What Vestibule told this application about you</caption>
<tr><th scope="row">sub</th><td><code>${subject}</code></td></tr>
${rows}
</table>
<p><a href="${account}">My Account: what is kept of you, and why</a></p>
<form method="post" action="/sign-out"><button class="action">Sign out</button></form>`,
  )
}

function problemPage(what: string, code = ''): string {
  return page(
    'Travel',
    'You are not signed in',
    html`<p>${what} <code>${code}</code></p>
<p><a class="action" href="/sign-in">Sign in</a></p>`,
  )
}

// Express tells an error handler by its four parameters.
function showProblem(error: unknown, _req: Request, res: Response, _next: NextFunction): void {
  if (error instanceof openid.AuthorizationResponseError) {
    const code = [error.error, error.error_description].filter(Boolean).join(': ')
    send(res, 400, problemPage('Vestibule sent you back with', code))
  } else {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    send(res, 502, problemPage('Vestibule did not answer as it should.', code))
  }
}
