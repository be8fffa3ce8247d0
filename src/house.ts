// What the rooms are given: one object with everything that is not a plain argument. Built by main, or by a test.
import type { Logger } from 'pino'
import type { Db } from './db/connect.ts'
import type { Keyring } from './seal.ts'
import type { Passwords } from './stores/password.ts'
import type { Views } from './web/views.ts'

export interface House {
  db: Db
  keyring: Keyring
  /** The installation's salt, 32 bytes. */
  salt: Buffer
  publicUrl: URL
  flowMinutes: number
  /** Hops of proxies in front of us. */
  trustProxy: number
  /** Where the two prompts are: paths of ours. */
  prompts: { register: string; signup: string }
  views: Views
  passwords: Passwords
  log: Logger
  now: () => Date
}
