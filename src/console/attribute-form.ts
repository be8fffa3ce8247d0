// The form of an attribute of the operator's own: what was typed into it, as an entry of the settings and the other way round.
import type { Entry } from '../settings/kinds.ts'
import type { Fields } from '../web/forms.ts'
import { entryOf, type FieldOf } from './entry-form.ts'
import { type Language, spokenFields, spokenId, type Translations } from './spoken.ts'

export interface TypedAttribute {
  name: string
  displayName: string
  /** By tag. */
  translations: Record<string, string>
}

export const NEW_ATTRIBUTE: TypedAttribute = { name: '', displayName: '', translations: {} }

const DISPLAY_NAME = { displayName: 'What people call it' }

export function attributeFields(languages: readonly Language[]): FieldOf[] {
  return [
    { path: 'name', id: 'name', label: 'Name' },
    { path: 'displayName', id: 'displayName', label: DISPLAY_NAME.displayName },
    ...spokenFields(languages, DISPLAY_NAME),
  ]
}

export function readAttribute(fields: Fields, languages: readonly Language[]): TypedAttribute {
  const spoken = languages.map(({ tag }) => [tag, fields.one(spokenId('displayName', tag)).trim()])
  return {
    name: fields.one('name').trim(),
    displayName: fields.one('displayName').trim(),
    translations: entryOf(Object.fromEntries(spoken)) as Record<string, string>,
  }
}

/** As a file would have it. */
export function attributeEntry({ name, displayName, translations }: TypedAttribute): Entry {
  const hasWords = Object.keys(translations).length > 0
  return entryOf({ name, displayName, ...(hasWords ? { translations } : {}) })
}

export function attributeOf(entry: Entry): TypedAttribute {
  const { name, displayName, translations } = entry as unknown as TypedAttribute & { translations?: Translations }
  return { name, displayName, translations: translations ?? {} }
}
