// The forms of the settings that there is one of: the organisation, and what holds for the prompts of every identity provider.
import type { Entry } from '../settings/kinds.ts'
import type { Fields } from '../web/forms.ts'
import { entryOf, type FieldOf, linesOf } from './entry-form.ts'

export interface SectionField {
  name: string
  label: string
  hint?: string
  /** A text of several lines. */
  rows?: number
  /** One value for each line. */
  isList?: true
  options?: { value: string; label: string }[]
  attributes?: Record<string, string>
}

const LTR = { dir: 'ltr', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none' }

/** Who asks for consent. */
export const ORGANIZATION: readonly SectionField[] = [
  {
    name: 'name',
    label: 'Name',
    hint: 'On every page. Vestibule, if you leave this empty',
    attributes: { autocomplete: 'organization', dir: 'auto' },
  },
  {
    name: 'privacyPolicyUrl',
    label: 'Privacy page',
    hint: 'Linked where people are asked for consent',
    attributes: { ...LTR, type: 'url' },
  },
  { name: 'jurisdiction', label: 'Jurisdiction', hint: 'Whose law holds, like GB. Kept with every consent' },
  {
    name: 'contact',
    label: 'Contact',
    hint: 'Whom people can ask, like: Data protection officer. In the footer of every page',
  },
  { name: 'email', label: 'Email address', attributes: { ...LTR, type: 'email' } },
  { name: 'phone', label: 'Phone number', attributes: { ...LTR, type: 'tel' } },
  { name: 'address', label: 'Postal address', hint: 'Kept with every consent' },
]

/** The keys of the reference's deployment.toml, by their own names. */
export const JIT: readonly SectionField[] = [
  {
    name: 'username_provisioning_url',
    label: 'Page that asks for a username',
    hint: 'username_provisioning_url. A path of this service, or the https address of a page of yours elsewhere',
    attributes: LTR,
  },
  {
    name: 'password_provisioning_url',
    label: 'Page that asks for a password or consent',
    hint: 'password_provisioning_url. Another path, or another address',
    attributes: LTR,
  },
  {
    name: 'allowed_page_origins',
    label: 'Where these pages may be instead',
    hint: 'allowed_page_origins. One in each line, like https://pages.example',
    rows: 3,
    isList: true,
    attributes: LTR,
  },
  {
    name: 'unknown_user_store',
    label: 'A name with the prefix of no store',
    hint: 'unknown_user_store. NOPE/asha, where there is no store NOPE',
    options: [
      { value: 'PRIMARY', label: 'Goes to PRIMARY as asha' },
      { value: 'refuse', label: 'Is refused at the field' },
    ],
  },
  {
    name: 'reserved_usernames',
    label: 'Names that nobody can have',
    hint: 'reserved_usernames. One in each line, beside admin, root, postmaster and the like, which are reserved anyway',
    rows: 3,
    isList: true,
    attributes: LTR,
  },
  {
    name: 'show_failure_reason',
    label: 'What people who are locked are told',
    hint: 'show_failure_reason',
    options: [
      { value: 'false', label: 'That they cannot sign in' },
      { value: 'true', label: 'That their account is locked' },
    ],
  },
  {
    name: 'enable_enhanced_feature',
    label: 'Enhanced feature',
    hint: "enable_enhanced_feature. The identity provider's unique ID becomes the username of new people; second factors; deleting an identity provider deletes its people; what it says of people is read-only here",
    options: [
      { value: 'false', label: 'Off' },
      { value: 'true', label: 'On' },
    ],
  },
  {
    name: 'require_second_factor',
    label: 'A second factor',
    hint: 'require_second_factor. Asked of everybody who has one; needs the enhanced feature',
    options: [
      { value: 'false', label: 'Is up to each person, application and identity provider' },
      { value: 'true', label: 'Is required of everybody' },
    ],
  },
]

export const fieldsOf = (section: readonly SectionField[]): FieldOf[] =>
  section.map(({ name, label }) => ({ path: name, id: name, label }))

/** By name of the field, as it is printed. */
export type TypedSection = Record<string, string>

export function readSection(fields: Fields, section: readonly SectionField[]): TypedSection {
  return Object.fromEntries(section.map(({ name }) => [name, fields.one(name)]))
}

/** As a file would have it; what is left empty holds as it does where a file says nothing. */
export function sectionOf(typed: TypedSection, section: readonly SectionField[]): Entry {
  const said = section.map(({ name, isList }) => {
    const text = (typed[name] ?? '').trim()
    return [name, isList ? linesOf(text) : text]
  })
  return entryOf(Object.fromEntries(said))
}

export function typedSection(entry: Entry, section: readonly SectionField[]): TypedSection {
  return Object.fromEntries(
    section.map(({ name, isList }) => {
      const value = entry[name]
      return [name, isList && Array.isArray(value) ? value.join('\n') : String(value ?? '')]
    }),
  )
}
