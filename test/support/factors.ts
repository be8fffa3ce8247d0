// Second factors of test people: the feature turned on, an app with its codes, and codes out of letters.
import assert from 'node:assert/strict'
import { Secret, TOTP } from 'otpauth'
import { putTotp, takeStep, totpContext } from '../../src/db/user-factors.ts'
import type { Declared } from '../../src/declared.ts'
import { newTotpSecret } from '../../src/stores/totp.ts'
import type { Product } from './product.ts'
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
export async function giveTotp(product: Pick<Product, 'running' | 'clock'>, userId: string): Promise<string> {
  const { db, keyring } = product.running.house
  const secret = newTotpSecret()
  const secretSealed = keyring.seal(totpContext(userId), secret)
  await putTotp(db, userId, secretSealed)
  assert.equal(await takeStep(db, { userId, secretSealed, step: 1, now: product.clock.now }), 'first')
  return secret
}

/** What the app shows at a moment. */
export function codeOf(secret: string, now: Date): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now.getTime() })
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
