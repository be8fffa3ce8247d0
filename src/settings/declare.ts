// Writes what the configuration file declares. Equal content writes nothing; what is no longer declared is turned off, and deleted only by whoever asks for that (deletion/prune.ts).
import { ConfigFaults } from '../config-faults.ts'
import { type Actor, CONFIGURATION_FILE } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import { alone, type EntryRow, type Kind, keyOf, listEntries, type ManagedBy, updateEntry } from '../db/entries.ts'
import { assertStoresEmpty } from '../db/user-stores.ts'
import type { Declared } from '../declared.ts'
import type { Keyring } from '../seal.ts'
import { PRIMARY } from '../stores/name.ts'
import { isLeaving } from './entries.ts'
import { ALL_KINDS, declaredOf, KINDS, leaves, type Parsed } from './kinds.ts'
import { declareSections } from './sections.ts'
import { keepVersions } from './versions.ts'
import { tell, writeEntry } from './write.ts'

/** What applying the configuration did, for the log: names only. */
export interface Applied {
  written: string[]
  turnedOff: string[]
}

/** How `Applied` begins the name of a user store. */
export const USER_STORE = 'user store'

const SPOKEN: Record<Kind, string> = {
  attribute: 'attribute',
  userStore: USER_STORE,
  idp: 'idp',
  purpose: 'purpose',
  application: 'application',
}

/** Stores last: what goes there goes first. */
const LAST_FIRST = ['attribute', 'idp', 'purpose', 'application', 'userStore'] as const

interface Leaving {
  kind: Kind
  name: string
  row: EntryRow
}

export interface DeclareOptions {
  /**
   * Whose the entries are from now on. The file's are as it says, in the console read-only. The demo's are the console's: one is written again
   * only when the demo itself says something else of it, and nothing is turned off.
   */
  managedBy: ManagedBy
  actor?: Actor
}

/**
 * Applies a declaration in one transaction, under a lock that ends with it. Throws `StoreInUse` when a store is still needed as it is, and
 * `ConfigFaults` when an identity provider that is declared is being deleted.
 */
export function applyDeclared(
  db: Db,
  keyring: Keyring,
  declared: Declared,
  options: DeclareOptions = { managedBy: 'file' },
): Promise<Applied> {
  return alone(db, (transaction) => declareIn(transaction, keyring, declared, options))
}

/** Undoes what was only tried. */
class Tried<Seen> extends Error {
  readonly applied: Applied
  readonly seen: Seen

  constructor(applied: Applied, seen: Seen) {
    super('tried')
    this.applied = applied
    this.seen = seen
  }
}

/** What applying a file's declaration would do, and what `look` sees in the database that it would make: nothing is done. Throws as `applyDeclared`. */
export async function rehearseDeclared<Seen>(
  db: Db,
  keyring: Keyring,
  declared: Declared,
  look: (db: Db) => Promise<Seen>,
): Promise<{ applied: Applied; seen: Seen }> {
  try {
    return await alone(db, async (transaction) => {
      throw new Tried(await declareIn(transaction, keyring, declared, { managedBy: 'file' }), await look(transaction))
    })
  } catch (error) {
    if (error instanceof Tried) return error as Tried<Seen>
    throw error
  }
}

async function declareIn(
  transaction: Db,
  keyring: Keyring,
  declared: Declared,
  { managedBy, actor = CONFIGURATION_FILE }: DeclareOptions,
): Promise<Applied> {
  const written = await declareSections(transaction, keyring, actor, declared, managedBy)
  const rows = {} as Record<Kind, EntryRow[]>
  for (const kind of ALL_KINDS) {
    rows[kind] = await listEntries(transaction, kind)
    written.push(...(await declareKind(kind)))
  }
  const turnedOff = managedBy === 'file' ? await letGo() : []
  await keepVersions(transaction)
  return { written, turnedOff }

  async function declareKind<K extends Kind>(kind: K): Promise<string[]> {
    const names: string[] = []
    const known = new Map(rows[kind].map((row) => [keyOf(kind, row), row]))
    for (const [position, content] of declaredOf(declared, kind).entries()) {
      if (isLeft(declared, kind, content)) continue
      const said = KINDS[kind]
      const name = nameOf(kind, content)
      const was = known.get(name)
      if (was && isLeaving(was)) {
        // Whoever tries the demo deleted one of its own, and starts it again.
        if (managedBy === 'console') continue
        throw beingDeleted(`${said.list}[${position}].${said.named}`)
      }
      const isEnabled = said.isEnabled?.(content) ?? true
      const declaredHash = keyring.hash(`declared ${kind}`, JSON.stringify(content))
      const place = said.isOrdered ? { position } : {}
      if (was && says(was, { declaredHash, isEnabled, managedBy, ...place })) continue
      const writing = { kind, content, was, managedBy, isEnabled, declaredHash, ...place }
      const row = await writeEntry(transaction, keyring, actor, writing)
      if (!row) throw new Error(`${SPOKEN[kind]} ${name} was changed by hand while it was declared.`)
      names.push(`${SPOKEN[kind]} ${name}`)
    }
    return names
  }

  /** What the file had and has no more is turned off and the console's; on stays only what an entry of the console names. */
  async function letGo(): Promise<string[]> {
    const leaving = LAST_FIRST.flatMap((kind) => leavingOf(kind))
    if (leaving.length === 0) return []
    const named = await namesInConsole(transaction)
    const staysOn = ({ kind, name }: Leaving) => named[kind]?.has(name) || (kind === 'userStore' && name === PRIMARY)
    const stores = leaving.filter((one) => one.kind === 'userStore' && !staysOn(one))
    await assertStoresEmpty(
      transaction,
      stores.map(({ name }) => name),
    )
    const turnedOff: string[] = []
    for (const one of leaving) {
      const { kind, name, row } = one
      const columns = { managed_by: 'console', ...(staysOn(one) ? {} : { is_enabled: false }) }
      const is = await updateEntry(transaction, kind, name, row.version, columns)
      if (!is || is.is_enabled === row.is_enabled) continue
      await tell(transaction, actor, kind, row, is)
      turnedOff.push(`${SPOKEN[kind]} ${name}`)
    }
    return turnedOff
  }

  function leavingOf<K extends Kind>(kind: K): Leaving[] {
    const stays = new Set(
      declaredOf(declared, kind)
        .filter((content) => !isLeft(declared, kind, content))
        .map((content) => nameOf(kind, content)),
    )
    return rows[kind]
      .filter((row) => row.managed_by === 'file' && !stays.has(keyOf(kind, row)))
      .map((row) => ({ kind, name: keyOf(kind, row), row }))
  }
}

function beingDeleted(path: string): ConfigFaults {
  const problem =
    'is being deleted with its users, and can be declared again when that is done: vestibule idp delete <name> --yes goes on with it'
  return new ConfigFaults([{ path, problem, example: 'another name' }])
}

/** PRIMARY is in every declaration; a file that does not mention it says nothing of it. */
function isLeft<K extends Kind>(declared: Declared, kind: K, content: Parsed[K]): boolean {
  return kind === 'userStore' && (content as Parsed['userStore']).name === PRIMARY && leaves(declared, PRIMARY)
}

function nameOf<K extends Kind>(kind: K, content: Parsed[K]): string {
  return keyOf(kind, KINDS[kind].columns(content) as EntryRow)
}

interface Said {
  declaredHash: Buffer
  isEnabled: boolean
  managedBy: ManagedBy
  position?: number
}

/** Whether a row needs no writing. What the console changed of an entry of the demo stays, as long as the demo says what it said. */
function says(row: EntryRow, { declaredHash, isEnabled, managedBy, position }: Said): boolean {
  if (!row.declared_hash.equals(declaredHash) || row.managed_by !== managedBy) return false
  return managedBy === 'console' || (row.is_enabled === isEnabled && (position ?? row['position']) === row['position'])
}

/** What entries of the console that are on name of others. */
async function namesInConsole(db: Db): Promise<{ [kind in Kind]?: ReadonlySet<string> }> {
  const on = async (kind: Kind) =>
    (await listEntries(db, kind)).filter((row) => row.is_enabled && row.managed_by === 'console')
  const [idps, purposes] = [await on('idp'), await on('purpose')]
  return {
    attribute: new Set([
      ...idps.flatMap((row) => Object.keys(row['mappings'] as object)),
      ...purposes.flatMap((row) => (row['pii_categories'] as { name: string }[]).map(({ name }) => name)),
    ]),
    userStore: new Set(idps.map((row) => String(row['jit_userstore']))),
  }
}
