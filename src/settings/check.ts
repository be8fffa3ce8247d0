// One change, checked with everything else by the configuration file's own reader.
import { isDeepStrictEqual } from 'node:util'
import type { Fault } from '../config-faults.ts'
import type { Kind } from '../db/entries.ts'
import type { Section } from '../db/installation.ts'
import { checkDeclared, type Declared } from '../declared.ts'
import { isSection, type Setting, type SettingKind, type Settings } from './entries.ts'
import { ALL_KINDS, type Entry, KINDS, type Parsed, withSecret } from './kinds.ts'

/** A fault of another entry than the one that changes: it would not fit any more. */
export interface OtherFault extends Fault {
  kind?: SettingKind
  key?: string
}

export interface Checked {
  /** The entry as the reader understood it; absent when it could not, or it goes. */
  content?: Parsed[keyof Parsed] | Declared['organization'] | Declared['jitProvisioning']
  /** Whether the entry says what it said. */
  isSame: boolean
  /** With paths within the entry. */
  faults: Fault[]
  general: OtherFault[]
  /** Only those that the change brings. */
  warnings: string[]
}

export interface ChangeToCheck {
  kind: SettingKind
  /** The setting that changes, or goes; absent: it is new. */
  current?: Setting | undefined
  /** What it says then, its secret a text; absent: it goes. */
  entry?: Entry
}

/** What stands for a secret that stays: nothing is checked of it but that there is one. */
export const KEPT_SECRET = 'a secret that is kept'

/** Checks a change. Faults that others had before count for nothing: they would keep everybody from mending anything. */
export function checkChange(settings: Settings, change: ChangeToCheck, options: { allowPrivateIdp: boolean }): Checked {
  const { kind, current, entry } = change
  const before = wholeWith(settings, kind, current, current && ownEntry(current))
  const after = wholeWith(settings, kind, current, entry)
  const [old, fresh] = [checkDeclared(before.tree, options), checkDeclared(after.tree, options)]
  const known = new Set(old.faults.map((fault) => JSON.stringify(placed(fault, before))))
  const found = fresh.faults.map((fault) => placed(fault, after))
  const faults = found.filter(({ isOwn }) => isOwn).map(({ path, problem, example }) => ({ path, problem, example }))
  const others = found.filter(({ isOwn }) => !isOwn)
  const content = contentIn(after, kind, fresh.understood)
  const brought = others.filter((fault) => !known.has(JSON.stringify(fault)))
  const isLost = entry !== undefined && content === undefined && faults.length + brought.length === 0
  return {
    ...(content === undefined ? {} : { content }),
    isSame: content !== undefined && isDeepStrictEqual(content, contentIn(before, kind, old.understood)),
    faults,
    // Something else is so wrong that nothing is understood: then that is what to mend.
    general: (isLost ? others : brought).map(({ isOwn: _, ...fault }) => fault),
    warnings: fresh.warnings.filter((line) => !old.warnings.includes(line)),
  }
}

function ownEntry({ kind, entry, hasSecret }: Setting): Entry {
  return hasSecret && !isSection(kind) ? withSecret(kind, entry, KEPT_SECRET) : entry
}

interface Whole {
  tree: Entry
  /** By list of the file, whose each item is. */
  owners: Map<string, { kind: Kind; key: string; isOwn: boolean }[]>
  /** Where the entry stands that is looked at, in its list. */
  own: { section: Section } | { index: number } | undefined
}

/** The settings as a file would have them, with `entry` in the place of `current`. */
function wholeWith(
  settings: Settings,
  kind: SettingKind,
  current: Setting | undefined,
  entry: Entry | undefined,
): Whole {
  const section = (one: Section) => (one === kind && entry ? entry : settings[one].entry)
  const whole: Whole = {
    tree: {
      organization: section('organization'),
      authentication: { jit_provisioning: section('jitProvisioning') },
    },
    owners: new Map(),
    own: isSection(kind) ? { section: kind } : undefined,
  }
  for (const one of ALL_KINDS) {
    const isCurrent = (setting: Setting) => one === kind && setting.key === current?.key
    const items = settings[one].flatMap((setting) => {
      const said = isCurrent(setting) ? entry : asOthersSee(setting)
      return said ? [{ said, owner: { kind: one, key: setting.key, isOwn: isCurrent(setting) } }] : []
    })
    if (one === kind && !current && entry) items.push({ said: entry, owner: { kind: one, key: '', isOwn: true } })
    const own = items.findIndex(({ owner }) => owner.isOwn)
    if (own >= 0) whole.own = { index: own }
    whole.tree[KINDS[one].list] = items.map(({ said }) => said)
    whole.owners.set(
      KINDS[one].list,
      items.map(({ owner }) => owner),
    )
  }
  return whole
}

/**
 * What an entry means to others. One that is off is not there, but for an identity provider, which a file can have though it is off: it is
 * no more than its name then, since what it names may be gone. How to talk to an identity provider is nobody else's business.
 */
function asOthersSee({ kind, key, entry, isEnabled, hasSecret }: Setting): Entry | undefined {
  const oidc = { issuer: 'https://other.invalid', clientId: 'other' }
  if (kind === 'idp') return isEnabled ? { ...entry, oidc } : { name: key, isEnabled: false, oidc }
  if (!isEnabled) return undefined
  return kind === 'application' && hasSecret ? withSecret(kind, entry, KEPT_SECRET) : entry
}

/** A fault with its entry, and its path within that. */
function placed({ path, problem, example }: Fault, { owners, own }: Whole): OtherFault & { isOwn: boolean } {
  const item = /^(\w+)\[(\d+)\]\.?(.*)$/s.exec(path)
  const owner = item && owners.get(item[1] ?? '')?.[Number(item[2])]
  if (owner) return { kind: owner.kind, key: owner.key, path: item[3] ?? '', problem, example, isOwn: owner.isOwn }
  const within = /^(?:(organization)|authentication\.(jit_provisioning))\.?(.*)$/s.exec(path)
  if (!within) return { path, problem, example, isOwn: false }
  const section = within[1] === undefined ? 'jitProvisioning' : 'organization'
  const isOwn = own !== undefined && 'section' in own && own.section === section
  return { kind: section, key: section, path: within[3] ?? '', problem, example, isOwn }
}

function contentIn(whole: Whole, kind: SettingKind, understood: Declared | undefined): Checked['content'] {
  const { own } = whole
  if (!understood || !own) return undefined
  if ('section' in own) return understood[own.section]
  if (isSection(kind)) return undefined
  const list = understood[KINDS[kind].list]
  if (kind !== 'userStore') return list[own.index]
  // The reader puts PRIMARY first, and adds it where it is missing.
  const stores = whole.tree[KINDS.userStore.list] as Entry[]
  return understood.userStores.find(({ name }) => name === stores[own.index]?.['name'])
}
