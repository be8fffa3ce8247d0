// The settings as a configuration file that makes the same: in one order, by names, with a variable for each secret, and without what holds anyway.
import { setImmediate } from 'node:timers/promises'
import type { Db } from '../db/connect.ts'
import type { Kind } from '../db/entries.ts'
import type { Section } from '../db/installation.ts'
import { checkDeclared } from '../declared.ts'
import { literal, print, variable } from '../declared-text.ts'
import { PRIMARY } from '../stores/name.ts'
import { checkChange } from './check.ts'
import { readSettings, type Setting, type Settings } from './entries.ts'
import { ALL_KINDS, type Entry, KINDS, withSecret } from './kinds.ts'
import { type SecretOf, secretNames } from './secret-names.ts'
import { trimmed } from './trim.ts'

const ANY_SECRET = 'a secret of the environment'
/** What was allowed when it was saved is printed as it is. */
const EVERYTHING = { allowPrivateIdp: true }
const HEADING = '# Settings of Vestibule, as vestibule config export prints them.\n'

interface Said extends SecretOf {
  entry: Entry
  hasSecret: boolean
}

/** The text of the file, YAML. What is off and no file could say so of is left out. Throws `DatabaseAway`. */
export async function exportConfiguration(db: Db): Promise<string> {
  const settings = await readSettings(db)
  const said: Said[] = []
  for (const kind of ALL_KINDS) {
    for (const setting of settings[kind]) {
      said.push(...sayable(settings, kind, setting))
      // To leave out what holds anyway takes a reading for each key: people who sign in meanwhile are answered in between.
      await setImmediate()
    }
  }
  const names = secretNames(said.filter(({ hasSecret }) => hasSecret))
  const listOf = (kind: Kind) => said.filter((one) => one.kind === kind).map((one) => written(one, names.get(one)))
  const parts: [key: string, part: unknown][] = [
    ['organization', section('organization', settings)],
    ['authentication', { jit_provisioning: section('jitProvisioning', settings) }],
    ...ALL_KINDS.map((kind): [string, unknown] => [KINDS[kind].list, listOf(kind)]),
  ]
  const variables = names.size === 0 ? '' : `# It reads its secrets from ${[...names.values()].join(', ')}.\n`
  return `${HEADING}${variables}${print(Object.fromEntries(parts.filter(([, part]) => !isEmpty(part))))}`
}

function sayable(settings: Settings, kind: Kind, setting: Setting): Said[] {
  if (!setting.isEnabled && kind !== 'idp') return []
  const { key, hasSecret } = setting
  const full = hasSecret ? withSecret(kind, setting.entry, ANY_SECRET) : setting.entry
  const entry = trimmed(full, (tree) => entryIn(kind, tree))
  // It is there anyway.
  if (kind === 'userStore' && key === PRIMARY && Object.keys(entry).length === 1) return []
  // What it names is around it; who names it has its name, and is nothing to check again for each.
  const around = { ...settings, idp: [setting], purpose: [], application: [] }
  const fits = (candidate: Entry) => {
    const { faults, general } = checkChange(around, { kind, current: setting, entry: candidate }, EVERYTHING)
    return faults.length + general.length === 0
  }
  const said = { kind, key, hasSecret }
  if (setting.isEnabled || fits(entry)) return [{ ...said, entry }]
  // What it names is gone. Its own name stays, for applications have it in their lists.
  const { claims: _, provisioning: __, ...short } = entry
  return fits(short) ? [{ ...said, entry: short }] : []
}

/** An entry as the reader understands it. */
function entryIn(kind: Kind, entry: Entry): unknown {
  const understood = checkDeclared({ [KINDS[kind].list]: [entry] }, EVERYTHING).understood
  return kind === 'userStore'
    ? understood?.userStores.find(({ name }) => name === entry['name'])
    : understood?.[KINDS[kind].list][0]
}

function section(one: Section, settings: Settings): Entry {
  const within = (tree: Entry) =>
    one === 'organization' ? { organization: tree } : { authentication: { jit_provisioning: tree } }
  return literally(trimmed(settings[one].entry, (tree) => checkDeclared(within(tree), EVERYTHING).understood?.[one]))
}

function written({ kind, entry }: Said, name: string | undefined): Entry {
  return name === undefined ? literally(entry) : withSecret(kind, literally(entry), variable(name))
}

/** Every text as the file has to have it so that it reads no variable. */
function literally<Value>(value: Value): Value {
  const said = (one: unknown): unknown => {
    if (typeof one === 'string') return literal(one)
    if (Array.isArray(one)) return one.map(said)
    if (typeof one !== 'object' || one === null) return one
    return Object.fromEntries(Object.entries(one).map(([key, item]) => [key, said(item)]))
  }
  return said(value) as Value
}

function isEmpty(part: unknown): boolean {
  if (Array.isArray(part)) return part.length === 0
  return typeof part === 'object' && part !== null && Object.values(part).every((value) => isEmpty(value))
}
