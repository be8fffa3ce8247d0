// What Vestibule wants to reach, as ratios inside one run or as counts; docs/performance.md says why each.

export interface Wanted {
  what: string
  most?: number
  least?: number
}

export const TARGETS = {
  'first: processor': { what: 'Silent first sign-in to My Account: CPU ÷ floor', most: 0.6 },
  'first: statements': { what: 'The same: statements', most: 6 },
  'first: writes': { what: 'The same: write transactions', most: 1 },
  'first: asked': { what: 'The same: calls of the back channel', most: 1 },
  'repeat: statements': { what: 'Repeat sign-in to My Account: statements', most: 5 },
  'repeat: writes': { what: 'The same: write transactions', most: 1 },
  'repeat: attributes': { what: 'The same: attributes written when nothing changed', most: 0 },
  'chain: processor': { what: 'The whole chain to an application ÷ the same to My Account: CPU', most: 2 },
  'growth: processor': { what: 'Cost of a sign-in at 1,000,000 users ÷ at 10', most: 1.1 },
  'growth: scans': { what: 'Sequential scans of tables that grow, at 1,000,000 users', most: 0 },
  'race: landed': { what: '8 parallel sign-ins of each of 10 new people: land', least: 80, most: 80 },
  'race: users': { what: 'The same: users afterwards', least: 10, most: 10 },
  'password: throughput': { what: 'Password prompt: throughput ÷ bare argon2id', least: 0.9 },
  'password: delay': { what: 'The same: event-loop delay p99 meanwhile, ms', most: 20 },
  'page: html': { what: 'Prompt page, first visit: HTML, kB', most: 12 },
  'page: css': { what: 'The same: CSS, kB', most: 12 },
  'page: js': { what: 'The same: JS, kB', most: 6 },
  'page: requests': { what: 'The same: requests', most: 4 },
  'page: again': { what: 'Prompt page, repeat visit: requests beside the page', most: 0 },
  'memory: idle': { what: 'Memory (RSS) when idle, MB', most: 180 },
  'memory: load': { what: 'Memory (RSS) at load, MB', most: 350 },
  'start: ready': { what: 'From start to ready with a migrated database, s', most: 1.5 },
  'overload: throughput': { what: 'Offered four times the capacity: finished sign-ins ÷ best', least: 0.9 },
  'overload: begun': { what: 'The same: finished, of those that had begun', least: 1 },
  'overload: refused': { what: 'The same: 503 with Retry-After, of those that were not let in', least: 1 },
} satisfies Record<string, Wanted>

export type Target = keyof typeof TARGETS
