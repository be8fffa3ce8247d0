// Argon2id with as little work as it allows: for tests that are about who comes in, and not about how long it takes to try.
import type { Work } from '../../src/stores/password.ts'

export const LIGHT_WORK: Work = { memoryCost: 8, timeCost: 1, parallelism: 1 }
