// What the rooms are given: one object with everything that is not a plain argument. Built by main, or by a test.
import type { Logger } from 'pino'
import type { Db } from './db/connect.ts'
import type { Postman } from './mail/postman.ts'
import type { Keyring } from './seal.ts'
import type { KeptConfigured } from './settings/configured.ts'
import type { LiveSettings } from './settings/live.ts'
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
  /** What is configured, as it is: idps, applications, purposes, stores. */
  configured: KeptConfigured
  /** What can change while we run, as it was a few seconds ago at most. */
  settings: () => LiveSettings
  /** Reads the settings again at once, as after a change. */
  rereadSettings: () => Promise<void>
  views: Views
  /** The theme in use; absent: our own pages. */
  theme?: Theme
  /** What operators chose in the console, over the theme or our own pages. */
  appearance: Published
  passwords: Passwords
  /** Sends letters; absent: none are written. */
  postman?: Postman
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
