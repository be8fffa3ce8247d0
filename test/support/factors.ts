// Second factors of test people: the feature turned on, an app with its codes, and codes out of letters.
import assert from 'node:assert/strict'
import { Secret, TOTP } from 'otpauth'
import { totpContext } from '../../src/db/user-factors.ts'
import type { Declared } from '../../src/declared.ts'
import { newBackupCodes, writtenOut } from '../../src/factors/codes.ts'
import { createKeyring } from '../../src/seal.ts'
import { createHashingQueue } from '../../src/stores/hashing-queue.ts'
import { createPasswords } from '../../src/stores/password.ts'
import { newTotpSecret } from '../../src/stores/totp.ts'
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
  const passwords = createPasswords(createHashingQueue({ running: 2, waiting: 50 }))
  const codes = newBackupCodes().slice(0, count)
  for (const { label, secret } of codes)
    await rows('INSERT INTO backup_codes (user_id, label, code_hash, created_at) VALUES ($1, $2, $3, now())', [
      userId,
      label,
      await passwords.hash(secret, 'test'),
    ])
  return codes.map(writtenOut)
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
