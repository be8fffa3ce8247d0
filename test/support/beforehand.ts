// What each process of tests would make for itself, made once for all of them; a test that runs alone makes it as before.
import path from 'node:path'

/** The folder of what was made: said by whoever starts the process. */
export const BEFOREHAND = 'TEST_BEFOREHAND'

/** Where it is: the programs in one file each, or the folder of a stopped PostgreSQL with a migrated template. Undefined where nobody made it. */
export function madeBefore(what: 'programs' | 'cluster'): string | undefined {
  const folder = process.env[BEFOREHAND]
  return folder === undefined ? undefined : path.join(folder, what)
}
