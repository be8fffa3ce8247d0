// Second factors of test people: the feature turned on, an app with its codes, codes out of letters, and the rooms of My Account.
import assert from 'node:assert/strict'
import { Secret, TOTP } from 'otpauth'
import { totpContext } from '../../src/db/user-factors.ts'
import type { Declared } from '../../src/declared.ts'
import { newBackupCodes, writtenOut } from '../../src/factors/codes.ts'
import { createKeyring } from '../../src/seal.ts'
import { createHashingQueue } from '../../src/stores/hashing-queue.ts'
import { createPasswords } from '../../src/stores/password.ts'
import { newTotpSecret } from '../../src/stores/totp.ts'
import type { Browser, Page } from './browser.ts'
import { LIGHT_WORK } from './light-work.ts'
import type { Product } from './product.ts'
import { type Scene, SECRET_KEY } from './scene.ts'
import type { SmtpSink } from './smtp.ts'

/** The change of a declaration that turns the feature on, and says of whom a second factor is required. */
export function enhanced({
  isOn = true,
  everybody = false,
  idp,
  application,
}: {
  isOn?: boolean
  everybody?: boolean
  idp?: string
  application?: string
}): (declared: Declared) => Declared {
  return (declared) => ({
    ...declared,
    jitProvisioning: { ...declared.jitProvisioning, enableEnhancedFeature: isOn, requireSecondFactor: everybody },
    identityProviders: declared.identityProviders.map((one) => ({ ...one, requireSecondFactor: one.name === idp })),
    applications: declared.applications.map((one) => ({ ...one, requireSecondFactor: one.clientId === application })),
  })
}

/** Gives a user an app that was confirmed long ago; returns its secret. */
export async function giveTotp({ rows }: Pick<Scene, 'rows'>, userId: string): Promise<string> {
  const secret = newTotpSecret()
  await rows(`INSERT INTO user_factors (user_id, kind, secret_sealed, confirmed_at) VALUES ($1, 'totp', $2, now())`, [
    userId,
    createKeyring(SECRET_KEY).seal(totpContext(userId), secret),
  ])
  return secret
}

/** Turns codes by e-mail on for a user. */
export async function giveEmailCodes({ rows }: Pick<Scene, 'rows'>, userId: string): Promise<void> {
  await rows(`INSERT INTO user_factors (user_id, kind, confirmed_at) VALUES ($1, 'email', now())`, [userId])
}

/** Gives a user backup codes; returns them as they were told. */
export async function giveBackupCodes({ rows }: Pick<Scene, 'rows'>, userId: string, count = 10): Promise<string[]> {
  const passwords = createPasswords(createHashingQueue({ running: 2, waiting: 50 }), LIGHT_WORK)
  const codes = newBackupCodes().slice(0, count)
  for (const { label, secret } of codes)
    await rows('INSERT INTO backup_codes (user_id, label, code_hash, created_at) VALUES ($1, $2, $3, now())', [
      userId,
      label,
      await passwords.hash(secret, 'test'),
    ])
  return codes.map(writtenOut)
}

/** What the app shows at a moment, or so many steps of 30 seconds away. */
export function codeOf(secret: string, now: Date, steps = 0): string {
  const timestamp = now.getTime() + steps * 30_000
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp })
}

/** The code in the last letter to an address, as soon as it is there. */
export async function mailedCode(sink: SmtpSink, address: string): Promise<string> {
  for (let count = 1; count < 200; count += 1) {
    const letters = (await sink.arrived(0)).filter(({ recipients }) => recipients.includes(address))
    const code = letters.map(({ text }) => /^\d{6}$/m.exec(text)?.[0]).findLast((found) => found !== undefined)
    if (code !== undefined) return code
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail(`no code came to ${address}`)
}

/** The key that the page shows for typing. */
export function secretOn(page: Page): string {
  const [, key] = /class="key"[^>]*>([A-Z2-7 ]+)</.exec(page.html) ?? assert.fail(page.text)
  return (key ?? '').replaceAll(' ', '')
}

/** The backup codes that the page shows. */
export function backupCodesOn(page: Page): string[] {
  return [...page.html.matchAll(/<code dir="ltr">([0-9a-z]{4}-[0-9a-z]{5}-[0-9a-z]{5})</g)].map(([, code = '']) => code)
}

export interface App {
  secret: string
  backupCodes: string[]
}

/** Sets up an app in My Account, where the person is signed in and has just proved who they are. The clock is a step further afterwards. */
export async function setUpApp(product: Product, browser: Browser): Promise<App> {
  const page = await browser.open(`${product.url}/myaccount/sign-in/factors/totp`)
  const secret = secretOn(page)
  const done = await page.fill({ code: codeOf(secret, product.clock.now) }).press('Turn on')
  assert.equal(done.status, 200, done.text)
  nextStep(product)
  return { secret, backupCodes: backupCodesOn(done) }
}

/** So that the app shows a code that nobody has used. */
export function nextStep(product: Product): void {
  product.clock.now = new Date(product.clock.now.getTime() + 30_000)
}

/** Makes the proof of the session older than what asks for one takes. */
export function growOld(product: Product): void {
  product.clock.now = new Date(product.clock.now.getTime() + 6 * 60_000)
}

/** Hands over what waits, and reads the code in the last letter to this address. */
export async function codeSentTo(product: Product, sink: SmtpSink, address: string): Promise<string> {
  await product.running.house.postman?.sendDue()
  const letter = sink
    .letters()
    .filter(({ recipients, text }) => recipients.includes(address) && /^\d{6}$/m.test(text))
    .at(-1)
  return /^\d{6}$/m.exec(letter?.text ?? '')?.[0] ?? assert.fail(`no code for ${address}`)
}

/** What is kept of somebody's factors, in short: the confirmed ones, and how many backup codes are left. */
export async function factorsKept(product: Scene, userId: string): Promise<string> {
  const rows = await product.rows<{ kind: string; is: boolean }>(
    'SELECT kind, confirmed_at IS NOT NULL AS is FROM user_factors WHERE user_id = $1 ORDER BY kind',
    [userId],
  )
  const [codes] = await product.rows<{ n: number }>(
    'SELECT count(*)::int AS n FROM backup_codes WHERE user_id = $1 AND used_at IS NULL',
    [userId],
  )
  return [...rows.map(({ kind, is }) => (is ? kind : `${kind} begun`)), `${codes?.n} codes`].join(', ')
}
