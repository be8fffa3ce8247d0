// What a machine without a configuration keeps between runs, in one folder beside the program.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export const STATE_FOLDER = '.vestibule'

/** The secret key of this folder: 32 random bytes, made once, readable by its owner only. */
export function localSecretKey(folder: string = STATE_FOLDER): string {
  const file = path.join(folder, 'secret-key')
  // Others may pass through the folder: PostgreSQL does not run as root and has to reach its data.
  mkdirSync(folder, { recursive: true, mode: 0o711 })
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
  return readFileSync(file, 'utf8').trim()
}
