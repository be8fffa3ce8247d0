// Writes one entry, for the configuration file and the console alike, with the line in the history that tells of it.
import { isDeepStrictEqual } from 'node:util'
import { type Actor, insertChange } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import { type EntryRow, insertEntry, type Kind, keyOf, type ManagedBy, updateEntry } from '../db/entries.ts'
import { assertCaseUnchanged } from '../db/user-stores.ts'
import type { Keyring } from '../seal.ts'
import { type Entry, KINDS, type Parsed, withSecret } from './kinds.ts'

export interface Writing<K extends Kind> {
  kind: K
  content: Parsed[K]
  /** The row as it was read; absent: there is none. */
  was?: EntryRow | undefined
  managedBy: ManagedBy
  isEnabled: boolean
  position?: number
  /** The hash of what a file says; absent: no file says it. */
  declaredHash?: Buffer
  /** The secret of the row stays, whatever the content says. */
  keepsSecret?: boolean
}

/**
 * Writes the row and its line of history; in a transaction. Undefined when the row is not as it was read any more. Throws `StoreInUse` when a
 * store cannot become so because of who is in it.
 */
export async function writeEntry<K extends Kind>(
  db: Db,
  keyring: Keyring,
  actor: Actor,
  { kind, content, was, ...given }: Writing<K>,
): Promise<EntryRow | undefined> {
  if (kind === 'userStore') await assertCase(db, content as Parsed['userStore'])
  const { secret, columns } = KINDS[kind]
  const text = secret?.of(content)
  const said = columns(content)
  const name = keyOf(kind, said as EntryRow)
  const sealed =
    secret === undefined || given.keepsSecret
      ? {}
      : { client_secret_sealed: text === undefined ? null : keyring.seal(`${secret.context} ${name}`, text) }
  const row = {
    ...said,
    ...sealed,
    is_enabled: given.isEnabled,
    managed_by: given.managedBy,
    ...(given.position === undefined ? {} : { position: given.position }),
    ...(given.declaredHash === undefined ? {} : { declared_hash: given.declaredHash }),
  }
  const written = was ? await updateEntry(db, kind, name, was.version, row) : await insertEntry(db, kind, row)
  if (!written) return undefined
  const isNewSecret =
    was !== undefined && text !== undefined && !given.keepsSecret && opened(keyring, kind, was) !== text
  await tell(db, actor, kind, was, written, isNewSecret)
  return written
}

/** The line of history for an entry that was written, turned on or off; none when it says what it said. */
export async function tell(
  db: Db,
  actor: Actor,
  kind: Kind,
  was: EntryRow | undefined,
  is: EntryRow,
  isNewSecret = false,
): Promise<void> {
  const before = was && sayingOf(kind, was)
  const after = sayingOf(kind, is, isNewSecret ? '(secret, changed)' : '(secret)')
  const action = actionOf(before, after) ?? (was?.managed_by === is.managed_by ? undefined : 'took over')
  if (action) await insertChange(db, actor, { action, kind, object: keyOf(kind, is), before, after })
}

/** What a row says, for people who compare: no secret, and whether it is on. */
export function sayingOf(kind: Kind, row: EntryRow, secret = '(secret)'): Entry {
  const entry = { ...KINDS[kind].entry(row), isEnabled: row.is_enabled }
  return hasSecret(row) ? withSecret(kind, entry, secret) : entry
}

export function hasSecret(row: EntryRow): boolean {
  return row['client_secret_sealed'] instanceof Buffer
}

/** The secret of a row; undefined when there is none, or no key of ours opens it. */
export function opened(keyring: Keyring, kind: Kind, row: EntryRow): string | undefined {
  const { secret } = KINDS[kind]
  const sealed = row['client_secret_sealed']
  if (!secret || !(sealed instanceof Buffer)) return undefined
  try {
    return keyring.unseal(`${secret.context} ${keyOf(kind, row)}`, sealed)
  } catch {
    return undefined
  }
}

function actionOf(before: Entry | undefined, after: Entry): string | undefined {
  if (!before) return 'created'
  if (isDeepStrictEqual(before, after)) return undefined
  if (!isDeepStrictEqual({ ...before, isEnabled: after['isEnabled'] }, after)) return 'changed'
  return after['isEnabled'] ? 'turned on' : 'turned off'
}

async function assertCase(db: Db, { name, properties }: Parsed['userStore']): Promise<void> {
  await assertCaseUnchanged(db, name, properties.CaseInsensitiveUsername !== 'false')
}
