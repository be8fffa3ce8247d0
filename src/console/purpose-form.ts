// The form of a purpose: what was typed into it, as an entry of the settings and the other way round.
import { isDeepStrictEqual } from 'node:util'
import type { Entry } from '../settings/kinds.ts'
import { type Fields, inOneLine } from '../web/forms.ts'
import { entryOf, type FieldOf } from './entry-form.ts'
import { type Language, spokenFields, spokenId, type Translations } from './spoken.ts'

export interface TypedPurpose {
  id: string
  purpose: string
  description: string
  /** One row for each attribute; '' is a row in which none was chosen yet. */
  rows: { attribute: string; mandatory: boolean }[]
  translations: Translations
  /** '' is none. */
  acceptBy: string
  /** Why nobody is asked about changed words, for one save. */
  wordingOnly: string
}

const WORDS = { purpose: 'Purpose', description: 'Description' }
const LONGEST_ID = 40

export const NEW_PURPOSE: TypedPurpose = {
  id: '',
  purpose: '',
  description: '',
  rows: [{ attribute: '', mandatory: false }],
  translations: {},
  acceptBy: '',
  wordingOnly: '',
}

/** Where each part of a purpose is typed. */
export function purposeFields(languages: readonly Language[]): FieldOf[] {
  return [
    { path: 'purpose', id: 'purpose', label: WORDS.purpose },
    { path: 'description', id: 'description', label: WORDS.description },
    { path: 'id', id: 'id', label: 'Key' },
    { path: 'piiCategories', id: 'attribute-0', label: 'PII category' },
    { path: 'piiCategories[].name', id: 'attribute', label: 'PII category' },
    { path: 'piiCategories[].mandatory', id: 'mandatory', label: 'Mandatory' },
    { path: 'acceptBy', id: 'accept-by', label: 'Must be accepted by' },
    { path: 'wordingOnly', id: 'wording-only', label: 'Small wording change: reason' },
    ...spokenFields(languages, WORDS),
  ]
}

/** What was typed, row by row in the order of the form. */
export function readPurpose(fields: Fields, languages: readonly Language[]): TypedPurpose {
  const rows = fields.names.flatMap((name) => /^attribute-(\d+)$/.exec(name)?.[1] ?? [])
  return {
    id: fields.one('id').trim(),
    purpose: fields.one('purpose').trim(),
    description: oneLine(fields.one('description')),
    rows: rows.map((row) => ({
      attribute: fields.one(`attribute-${row}`),
      mandatory: fields.one(`mandatory-${row}`) !== '',
    })),
    translations: Object.fromEntries(
      languages.flatMap(({ tag }) => {
        const purpose = fields.one(spokenId('purpose', tag)).trim()
        const description = oneLine(fields.one(spokenId('description', tag)))
        return purpose === '' && description === '' ? [] : [[tag, { purpose, description }]]
      }),
    ),
    acceptBy: fields.one('accept-by').trim(),
    wordingOnly: fields.one('wording-only').trim(),
  }
}

/** A browser ends lines as a form does; people read the description as one text. */
const oneLine = (text: string) => inOneLine(text, ' ')

/** Rows in which something was chosen: the others say nothing. */
export function withoutEmptyRows(typed: TypedPurpose): TypedPurpose {
  return { ...typed, rows: typed.rows.filter(({ attribute }) => attribute !== '') }
}

/** As a file would have it. */
export function purposeEntry({ rows, translations, ...words }: TypedPurpose): Entry {
  const spoken = Object.entries(translations).map(([tag, said]) => [tag, entryOf(said)])
  return entryOf({
    ...words,
    ...(spoken.length > 0 ? { translations: Object.fromEntries(spoken) } : {}),
    piiCategories: rows.map(({ attribute, mandatory }) => ({ name: attribute, mandatory })),
  })
}

/** An entry in the fields of the form. */
export function typedOf(entry: Entry): TypedPurpose {
  const { id, purpose, description, translations, piiCategories, acceptBy } = entry as {
    acceptBy?: string
    id: string
    purpose: string
    description: string
    translations?: Translations
    piiCategories: { name: string; mandatory: boolean }[]
  }
  const rows = piiCategories.map(({ name, mandatory }) => ({ attribute: name, mandatory }))
  const said = { id, purpose, description, translations: translations ?? {}, rows, acceptBy: acceptBy ?? '' }
  // A reason counts for one save: the form of the next has none.
  return { ...said, wordingOnly: '' }
}

/** An entry that says what `current` does but for the reason of an earlier save, which stays on record with it. */
export function withReason(entry: Entry, current: Entry | undefined): Entry {
  const { wordingOnly, ...said } = current ?? {}
  return wordingOnly !== undefined && isDeepStrictEqual(said, entry) ? { ...entry, wordingOnly } : entry
}

/** A key for a purpose that was given none: its words in small letters, with a number if another purpose has it. */
export function keyFor(purpose: string, taken: ReadonlySet<string>): string {
  const plain = purpose.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  const words = plain.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')
  const stem = words.slice(0, LONGEST_ID - 3).replace(/-$/, '') || 'purpose'
  for (let number = 1; ; number += 1) {
    const key = number === 1 ? stem : `${stem}-${number}`
    if (!taken.has(key)) return key
  }
}
