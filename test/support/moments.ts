// Moments of a sign-in: a person is brought to one, and goes on from there when the test says so, on a process that was told nothing.
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { createKeyring } from '../../src/seal.ts'
import type { Browser, Page } from './browser.ts'
import { openBrowser } from './browser.ts'
import { codeOf, giveTotp } from './factors.ts'
import { type Product, SECRET_KEY } from './product.ts'
import { send } from './road.ts'
import { codesOn, type Newcomer, newcomer, refused, signedIn } from './visits.ts'

const EMAIL = 'recover:email'
const SCOPE = 'openid email roles offline_access'

/** Somebody at an idp that nobody else comes from: whatever becomes of it, no other test notices. */
export interface Somebody {
  product: Product
  idp: { id: string; name: string; displayName: string }
  person: Newcomer
  /** Their user, once they are one; of somebody without a user what applications call them. */
  sub?: string
}

export interface IdpOptions {
  scheme: 'PROVISION_SILENTLY' | 'PROMPT_CONSENT'
  jitEnabled?: boolean
}

/** Somebody new whose idp says that they are of the team, and whom that makes an editor here. */
export async function somebodyNew(product: Product, { scheme, jitEnabled = true }: IdpOptions): Promise<Somebody> {
  const name = `idp-${randomBytes(4).toString('hex')}`
  const [id, displayName, clientSecret] = [randomUUID(), `Acme ${name}`, `a secret between us and ${name}`]
  product.idp.client({ clientId: name, clientSecret, redirectUri: `${product.url}/commonauth/${name}` })
  const sealed = createKeyring(SECRET_KEY).seal(`idp ${name}`, clientSecret)
  await product.rows(`INSERT INTO idps SELECT (jsonb_populate_record(idps, $1)).* FROM idps WHERE name = 'silent'`, [
    JSON.stringify({
      id,
      name,
      display_name: displayName,
      client_id: name,
      client_secret_sealed: `\\x${sealed.toString('hex')}`,
      jit_enabled: jitEnabled,
      jit_scheme: scheme,
      roles_claim: 'groups',
      role_mappings: { team: 'editor' },
      managed_by: 'console',
    }),
  ])
  const person = newcomer({ groups: ['team'] })
  product.idp.person(person.sub, person)
  return { product, idp: { id, name, displayName }, person }
}

/** What comes of going on. */
export type GoOn = () => Promise<string>

/** Signs in from the beginning: whom the application hears of, or where that ends instead. */
export async function begin({ product, idp, person, sub }: Somebody, browser = openBrowser()): Promise<string> {
  product.idp.signInAs = person.sub
  const choice = await browser.open(`${product.application.url}/login?${new URLSearchParams({ scope: SCOPE })}`)
  if (!choice.html.includes(`Continue with ${idp.displayName}`)) return 'not offered'
  const page = await choice.click(`Continue with ${idp.displayName}`)
  return outcomeOn(product, sub, page)
}

/** The moments, each with how a person is brought to it. */
export const MOMENTS = {
  'before start': async (who) => () => begin(who),

  'at the callback': async (who) => {
    const browser = openBrowser()
    const address = await stopBefore(`${who.product.url}/commonauth/`, who, browser)
    return async () => outcomeOn(who.product, who.sub, await browser.open(address))
  },

  /** Known or not when they came, they are at a question. */
  'at the prompt': async (who) => {
    const page = await askedIn(who, openBrowser())
    return async () => outcomeOn(who.product, who.sub, await page.tick(EMAIL).press('Create account'))
  },

  /** They have come back from the idp and the code of their app is not typed yet. */
  'at the second factor': async (who) => {
    const secret = await giveTotp(who.product, who.sub ?? assert.fail('they are no user yet'))
    const browser = openBrowser()
    const { product, idp, person } = who
    product.idp.signInAs = person.sub
    const choice = await browser.open(`${product.application.url}/login?${new URLSearchParams({ scope: SCOPE })}`)
    const page = await choice.click(`Continue with ${idp.displayName}`)
    assert.match(page.url, /\/totp\.do\?/)
    return async () => {
      const code = codeOf(secret, product.clock.now)
      return outcomeOn(product, who.sub, await page.fill({ code }).press('Continue'))
    }
  },

  /** The sign-in has ended, and the page that leads on is still there. */
  'at hand-back': async (who) => {
    const browser = openBrowser({ followRefresh: false })
    const page = await askedIn(who, browser)
    const leaving = await page.tick(EMAIL).press('Create account')
    assert.match(leaving.text, /Continuing to Travel|Continue to Travel/)
    await learnSubject(who)
    return async () => outcomeOn(who.product, who.sub, await leaving.click('Continue to Travel'))
  },

  /** The application has a code and has not exchanged it. */
  'at the exchange of a code': async (who) => {
    const browser = openBrowser()
    const address = await stopBefore(who.product.application.redirectUri, who, browser)
    return async () => outcomeOn(who.product, who.sub, await browser.open(address))
  },

  'in My Account': async (who) => {
    const browser = openBrowser()
    const { product } = who
    await settle(who)
    const page = await enterBy(who, browser)
    assert.equal(new URL(page.url).pathname, '/myaccount', page.text)
    product.idp.signInAs = undefined
    return async () => {
      const again = await browser.open(`${product.url}/myaccount`)
      return again.url.startsWith(`${product.url}/myaccount`) ? 'inside' : 'shown out'
    }
  },

  'in a live session': async (who) => {
    const browser = openBrowser()
    await settle(who, browser)
    return async () => {
      const { product } = who
      const query = new URLSearchParams({ scope: 'openid email roles', prompt: 'none' })
      return outcomeOn(product, who.sub, await browser.open(`${product.application.url}/login?${query}`))
    }
  },

  'at refresh': async (who) => {
    const { tokens } = await settle(who, openBrowser())
    return async () => {
      const { url } = who.product
      const answer = await fetch(`${url}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: tokens.refreshToken ?? assert.fail('no refresh token was given'),
          client_id: 'travel',
          client_secret: 'a secret of the travel application',
        }),
      })
      const body = (await answer.json()) as { error?: string; access_token?: string }
      if (!answer.ok) return body.error ?? `${answer.status}`
      return `refreshed${rolesIn((await claimsBy(url, body.access_token ?? '')).claims)}`
    }
  },

  'at userinfo': async (who) => {
    const { tokens } = await settle(who, openBrowser())
    return async () => {
      const { status, claims } = await claimsBy(who.product.url, tokens.accessToken)
      return status === 200 ? `told${rolesIn(claims)}` : `${status}`
    }
  },
} satisfies Record<string, (who: Somebody) => Promise<GoOn>>

export type Moment = keyof typeof MOMENTS

/** The moments to which people are brought by a question. */
export const ASKING: ReadonlySet<Moment> = new Set(['at the prompt', 'at hand-back'])

/** Signs somebody in, and learns what applications call them. */
export async function settle(who: Somebody, browser = openBrowser()) {
  assert.match(await begin(who, browser), /^(signed in|let in)/)
  const given = signedIn(who.product.application)
  who.sub = given.sub
  return given
}

/** The question in this browser, open. */
async function askedIn(who: Somebody, browser: Browser): Promise<Page> {
  const { product, idp, person } = who
  product.idp.signInAs = person.sub
  const choice = await browser.open(`${product.application.url}/login?${new URLSearchParams({ scope: SCOPE })}`)
  const page = await choice.click(`Continue with ${idp.displayName}`)
  assert.match(page.url, /\/signup\.do\?/)
  return page
}

/** Answers a question of theirs in another browser: they are a user by then. */
export async function becomeUser(who: Somebody): Promise<void> {
  const page = await askedIn(who, openBrowser())
  await page.tick(EMAIL).press('Create account')
  who.sub = signedIn(who.product.application).sub
}

async function learnSubject(who: Somebody): Promise<void> {
  const sql = 'SELECT user_id AS sub FROM identities WHERE idp_id = $1 AND subject = $2'
  const [row] = await who.product.rows<{ sub: string }>(sql, [who.idp.id, who.person.sub])
  if (row) who.sub = row.sub
}

async function enterBy({ product, idp, person }: Somebody, browser: Browser): Promise<Page> {
  product.idp.signInAs = person.sub
  const choice = await browser.open(`${product.url}/myaccount`)
  return choice.click(`Continue with ${idp.displayName}`)
}

/** Signs in and stops before the browser goes to an address that begins like this; the address, not asked for yet. */
async function stopBefore(start: string, { product, idp, person }: Somebody, browser: Browser): Promise<string> {
  product.idp.signInAs = undefined
  const choice = await browser.open(`${product.application.url}/login?${new URLSearchParams({ scope: SCOPE })}`)
  const asked = await choice.click(`Continue with ${idp.displayName}`)
  let response = await send(browser, asked.fill({ person: person.sub }).submission('Sign in'))
  for (let url = new URL(asked.url); ; response = await browser.fetch(url)) {
    url = new URL(response.headers.get('location') ?? assert.fail(`${url} leads nowhere: ${response.status}`), url)
    if (url.href.startsWith(start)) return url.href
  }
}

/** Where a browser ended, in a few words. Of a refusal page and application must say the same. */
async function outcomeOn(product: Product, sub: string | undefined, page: Page): Promise<string> {
  const { application } = product
  if (page.url.startsWith(application.redirectUri)) {
    const last = application.results.at(-1)
    if (last?.kind === 'error') return last.error
    const given = signedIn(application)
    const roles = rolesIn(given.userinfo)
    if (given.sub.startsWith('fed.')) return `let in without a user${roles}`
    return sub === undefined || given.sub === sub ? `signed in${roles}` : `signed in as somebody new${roles}`
  }
  if (page.status === 409) {
    const [code = ''] = codesOn(page)
    await page.click('Return to Travel')
    assert.deepEqual(refused(application), { error: 'access_denied', description: code })
    return `refused: ${code}`
  }
  if (page.status >= 400) return `${page.status}`
  const { pathname } = new URL(page.url)
  if (pathname.endsWith('/login.do')) return 'asked where to sign in'
  return pathname.endsWith('/signup.do') ? 'asked' : `at ${page.url}`
}

async function claimsBy(url: string, accessToken: string) {
  const headers = { Authorization: `Bearer ${accessToken}` }
  const answer = await fetch(`${url}/oauth2/userinfo`, { headers })
  return { status: answer.status, claims: (answer.ok ? await answer.json() : {}) as Record<string, unknown> }
}

function rolesIn(claims: Record<string, unknown>): string {
  return Array.isArray(claims['roles']) ? `, ${claims['roles'].join(', ')}` : ''
}
