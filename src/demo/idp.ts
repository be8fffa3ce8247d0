// The identity provider of the demonstration: a real OpenID Provider with four people in it and one page.
import express from 'express'
import { listen } from './listen.ts'
import { html, page, send, servePages } from './pages.ts'
import { claimsOf, type Persona, personas, subjectOf } from './personas.ts'
import { forgetfulSettings, loadProvider } from './provider.ts'

export interface DemoIdpClient {
  /** Decides the username that a person has there, see `claimsOf`. */
  mode: string
  clientId: string
  clientSecret: string
  redirectUri: string
}

/**
 * Starts the identity provider at http://127.0.0.1:<port> (0: a free one) for these clients and no others. Whoever signs in
 * chooses a persona, every time, so one browser can be all four people.
 * @returns its issuer, without a trailing slash, and a stop that also ends open connections
 * @throws the listen error, such as EADDRINUSE
 */
export async function startDemoIdp(options: {
  port: number
  clients: DemoIdpClient[]
}): Promise<{ issuer: string; stop(): Promise<void> }> {
  const OpenIdProvider = await loadProvider()
  const clients = new Map(options.clients.map((client) => [client.clientId, client]))
  const app = express()
  const { port, stop } = await listen(app, options.port)
  const issuer = `http://127.0.0.1:${port}`

  const provider = new OpenIdProvider(issuer, {
    ...forgetfulSettings((clientId) => metadataOf(clients.get(clientId))),
    claims: {
      openid: ['sub'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username', 'department', 'groups'],
      email: ['email', 'email_verified'],
      phone: ['phone_number'],
    },
    findAccount: (ctx, subject) => {
      const person = personas.find((one) => subjectOf(one) === subject)
      const client = clients.get(ctx.oidc.client?.clientId ?? '')
      if (!person || !client) return undefined
      return { accountId: subject, claims: () => claimsOf(person, client.mode) }
    },
    renderError: (ctx, out) => {
      ctx.type = 'html'
      ctx.body = problemPage(out.error_description ?? out.error)
    },
  })

  servePages(app)
  app.get('/', (_req, res) => {
    res.redirect(303, '/.well-known/openid-configuration')
  })
  app.get('/sign-in/:uid', async (req, res) => {
    await provider.interactionDetails(req, res)
    send(res, 200, signInPage())
  })
  app.post('/sign-in/:uid', express.urlencoded({ extended: false, limit: '1kb' }), async (req, res) => {
    const chosen: unknown = req.body?.persona
    const person = personas.find(({ name }) => name === chosen)
    if (!person) return res.redirect(303, req.path)
    await provider.interactionFinished(req, res, { login: { accountId: subjectOf(person) } })
  })
  app.use(provider.callback())
  app.use(showProblem)
  return { issuer, stop }
}

function metadataOf(client: DemoIdpClient | undefined) {
  if (!client) return undefined
  return {
    client_id: client.clientId,
    client_secret: client.clientSecret,
    redirect_uris: [client.redirectUri],
    // When somebody signed in: My Account asks for no second proof of whoever did so just now.
    require_auth_time: true,
  }
}

function signInPage(): string {
  return page(
    'Acme',
    'Who are you today?',
    html`<p class="muted">Acme stands for an identity provider. Choose a person; no password is asked.</p>
<form method="post" class="people">
${personas.map(personButton)}
</form>`,
  )
}

function personButton({ name, givenName, familyName, shows }: Persona) {
  return html`<button name="persona" value="${name}"><strong>${givenName} ${familyName}</strong> <small>${shows}</small></button>`
}

function problemPage(what: string): string {
  return page(
    'Acme',
    'This sign-in cannot go on',
    html`<p>${what}</p><p>Go back to the application and sign in again.</p>`,
  )
}

// Express tells an error handler by its four parameters.
function showProblem(_error: unknown, _req: express.Request, res: express.Response, _next: express.NextFunction): void {
  // What went wrong is not said: it is most often a page that was left open, and the error may quote what was sent.
  send(res, 400, problemPage('This sign-in has expired or was already finished.'))
}
