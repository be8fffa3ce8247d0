// What every form over an entry of the settings does alike: reading what was typed, and saying what became of it at the fields of the form.
import type { Fault } from '../config-faults.ts'
import type { OtherFault } from '../settings/check.ts'
import type { SettingKind } from '../settings/entries.ts'
import type { Entry } from '../settings/kinds.ts'
import type { Outcome } from '../settings/outcome.ts'
import type { Fields } from '../web/forms.ts'
import type { Problem } from './desk.ts'

/** The id of every form over an entry: what concerns no field alone is linked to it. */
const FORM = 'form'

/** Where a part of an entry is typed. */
export interface FieldOf {
  /** The path within the entry, and all that is below it. `[]` stands for any item of a list, whose number is put behind the id. */
  path: string
  id: string
  /** As the form calls it. */
  label: string
  /** Its values stand side by side, so that none of them is told by the number of its line. */
  isOneLine?: true
}

/** Both sides of a conflict: what stands there now, and what was typed. */
interface Conflict {
  by?: { actor: string; at: Date }
  rows: { label: string; theirs: string; yours: string }[]
}

/** Why a form was not saved, and what its page says of it. */
export interface Refusal {
  status: 403 | 409 | 422
  problems: Problem[]
  conflict?: Conflict
  /** The version that the next try is made over. */
  version?: number
}

export type Refused = Exclude<Outcome, { kind: 'saved' | 'deleted' | 'gone' }>

/**
 * What to answer to a change that was not made.
 * @param form the fields of the form, what was typed as an entry, the field that names a new entry, and how two sides differ where that is
 *   told otherwise than field by field
 */
export function refusalOf(
  outcome: Refused,
  {
    fields,
    typed,
    named,
    differences = typed && ((theirs) => differencesOf(theirs, typed, fields)),
  }: {
    fields: readonly FieldOf[]
    typed?: Entry
    named?: string
    differences?: ((theirs: Entry) => Conflict['rows']) | undefined
  },
): Refusal {
  switch (outcome.kind) {
    case 'faults':
      return { status: 422, problems: problemsOf(outcome, fields) }
    case 'taken':
      return { status: 422, problems: [{ field: named ?? FORM, text: 'There is one of this name already' }] }
    case 'in-use':
      return { status: 409, problems: [{ field: FORM, text: outcome.message }] }
    case 'read-only':
      return {
        status: 403,
        problems: [{ field: FORM, text: 'The configuration file sets this. Change it there, then start again' }],
      }
    case 'conflict': {
      const { current, by } = outcome
      const who = `${by?.actor ?? 'Somebody'} changed this`
      // Where nothing was typed the page is what there is to look at.
      if (!differences)
        return { status: 409, problems: [{ field: FORM, text: `${who} meanwhile. Look again before you do this` }] }
      return {
        status: 409,
        problems: [{ field: 'conflict', text: `${who} while you did. Compare below, then save again` }],
        conflict: { ...(by ? { by } : {}), rows: differences(current.entry) },
        version: current.version,
      }
    }
  }
}

/** The faults of an entry at the fields of its form; those of others at the form as a whole. */
export function problemsOf(
  { faults, general }: { faults: readonly Fault[]; general: readonly OtherFault[] },
  fields: readonly FieldOf[],
): Problem[] {
  const fieldAt = finderOf(fields)
  return [
    ...faults.map((fault) => problemOf(fault, fieldAt)),
    ...general.map((fault) => ({
      field: FORM,
      text: `${fault.kind ? `${calledOf(fault)}: ` : ''}${fault.path} ${fault.problem}`.trim(),
    })),
  ]
}

/** What the entry of a fault is called: Application travel. */
export function calledOf({ kind, key }: OtherFault): string {
  if (kind === undefined) return ''
  return key === undefined || key === '' || key === kind ? SPOKEN[kind] : `${SPOKEN[kind]} ${key}`
}

const SPOKEN: Record<SettingKind, string> = {
  attribute: 'Attribute',
  userStore: 'User store',
  idp: 'Identity provider',
  purpose: 'Purpose',
  application: 'Application',
  organization: 'Organisation',
  jitProvisioning: 'Just-in-time provisioning',
}

function problemOf({ path, problem, example }: Fault, fieldAt: Finder): Problem {
  // Where the other one stands is told in paths of a file.
  const said = problem.replace(/^is the same as .*/s, 'is there twice')
  // Lists, maps and variables are how a file writes it, and no help in a form.
  const help = example === '' || said !== problem || /^[[{$]/.test(example) ? '' : `. For example: ${example}`
  const found = fieldAt(path)
  if (!found) return { field: FORM, text: `${path} ${said}${help}`.trim() }
  const line = found.isOneLine ? undefined : /^\[(\d+)\]$/.exec(found.rest)?.[1]
  const label = line === undefined ? found.label : `${found.label}, line ${Number(line) + 1}:`
  return { field: found.field, text: `${label} ${said}${help}` }
}

interface Found {
  field: string
  label: string
  isOneLine?: true
  /** What of the path lies below the field. */
  rest: string
}

type Finder = (path: string) => Found | undefined

/** Finds the field of a path: the deepest, if several have it. */
function finderOf(fields: readonly FieldOf[]): Finder {
  const patterns = fields.map(({ path, ...field }) => {
    const steps = path.split('[]').map((part) => part.replaceAll(/[.[\]]/g, '\\$&'))
    return { ...field, pattern: new RegExp(`^${steps.join('\\[(\\d+)\\]')}(?=$|[.[])`) }
  })
  return (path) =>
    patterns
      .flatMap(({ pattern, id, ...field }) => {
        const match = pattern.exec(path)
        return match ? [{ ...field, field: [id, ...match.slice(1)].join('-'), rest: path.slice(match[0].length) }] : []
      })
      .sort((a, b) => a.rest.length - b.rest.length)[0]
}

/** The fields in which two entries differ, with what each says. */
export function differencesOf(theirs: Entry, yours: Entry, fields: readonly FieldOf[]): Conflict['rows'] {
  const fieldAt = finderOf(fields)
  const sides = [theirs, yours].map((entry) => saidBy(entry, fieldAt))
  const labels = new Set(sides.flatMap((side) => [...side.keys()]))
  return [...labels].flatMap((label) => {
    const [one = '', other = ''] = sides.map((side) => side.get(label)?.join('\n') ?? '')
    return one === other ? [] : [{ label, theirs: one, yours: other }]
  })
}

function saidBy(entry: Entry, fieldAt: Finder): Map<string, string[]> {
  const said = new Map<string, string[]>()
  for (const [path, value] of leavesOf(entry)) {
    const label = fieldAt(path)?.label
    if (label !== undefined) said.set(label, [...(said.get(label) ?? []), value])
  }
  return said
}

function leavesOf(value: unknown, path = ''): [path: string, text: string][] {
  if (Array.isArray(value)) return value.flatMap((item, index) => leavesOf(item, `${path}[${index}]`))
  if (typeof value !== 'object' || value === null) return value === undefined ? [] : [[path, wordsOf(value)]]
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, path === '' ? key : `${path}.${key}`))
}

const wordsOf = (value: unknown) => (value === true ? 'yes' : value === false ? 'no' : String(value))

/** The version that a form was made over; one that was never there when it says none. */
export function versionIn(fields: Fields): number {
  const version = fields.one('version')
  return /^\d{1,9}$/.test(version) ? Number(version) : -1
}

/** An entry without what was left empty: a key that a file would not have either. */
export function entryOf(given: Record<string, unknown>): Entry {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ''))
}

/** The page of one thing below a list; any printable name is a part of an address. */
export const pageOf = (list: string, key: string) => `${list}/${encodeURIComponent(key)}`

/** One value for each line that is not empty. */
export function linesOf(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => line.trim() || [])
}
