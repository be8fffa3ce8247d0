// What the rooms are given: one object with everything that is not a plain argument. Built by main, or by a test.
import type { Logger } from 'pino'
import type { Db } from './db/connect.ts'
import type { Keyring } from './seal.ts'
import type { Passwords } from './stores/password.ts'
import type { Published } from './themes/published.ts'
import type { Metrics } from './web/metrics.ts'
import type { Theme } from './web/theme.ts'
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
  /** Identity providers may be on this machine and in private networks. */
  allowPrivateIdp: boolean
  /** Where the two prompts are: paths of ours. */
  prompts: { register: string; signup: string }
  /** The pages of the operator's own that ask in their place, if they do: addresses elsewhere. */
  elsewhere: { register?: string; signup?: string }
  /** What holds for names in every store: what becomes of an unknown prefix, and words that nobody may have (canonical). */
  names: { unknownStore: 'PRIMARY' | 'refuse'; reserved: ReadonlySet<string> }
  views: Views
  /** The theme in use; absent: our own pages. */
  theme?: Theme
  /** What operators chose in the console, over the theme or our own pages. */
  appearance: Published
  passwords: Passwords
  log: Logger
  metrics: Metrics
  /** Opens /setup until there is an owner. Absent: there was one at the start. */
  setupToken?: string
  /** Opens /metrics; absent: there is no such address. */
  metricsToken?: string
  now: () => Date
  /** True from the moment at which the process was told to stop. */
  isStopping: () => boolean
}
