// What people will see of a purpose: the partial of the prompts, printed with what is typed and a made-up person.
import type { AttributeNames } from '../db/purposes.ts'
import type { Profile } from '../login/profile.ts'
import { purposesOnPage, tryOf } from '../provisioning/page.ts'
import { nameIn, purposeIn } from '../provisioning/translations.ts'
import { directionOf } from '../web/language-tags.ts'
import type { Message, PromptPage } from '../web/page.ts'
import type { Views } from '../web/views.ts'
import type { TypedPurpose } from './purpose-form.ts'

const EXAMPLES: Record<string, string> = {
  name: 'Asha Rao',
  given_name: 'Asha',
  family_name: 'Rao',
  middle_name: 'Devi',
  nickname: 'Ash',
  profile: 'https://people.example/asha',
  picture: 'https://people.example/asha.jpg',
  website: 'https://asha.example/',
  email: 'name@example.com',
  gender: 'female',
  birthdate: '1990-05-17',
  zoneinfo: 'Europe/London',
  locale: 'en-GB',
  phone_number: '+44 7700 900123',
  address: '1 High Street, London',
}

export interface Preview {
  lang: string
  dir: string
  page: Pick<PromptPage, 'organization' | 'idp' | 'roles'> & { consent: NonNullable<PromptPage['consent']> }
  t(message: Message): string
  codeOf(): string
  dateOf(iso: string): string
}

/** The locals of views/partials/consent.ejs, in one of the languages of the pages. */
export function previewOf(
  typed: TypedPurpose,
  language: string,
  known: {
    views: Pick<Views, 't'>
    organization: { name: string; privacyPolicyUrl?: string }
    custom: ReadonlyMap<string, AttributeNames>
  },
): Preview {
  const { views, organization, custom } = known
  const t = (message: Message) => views.t(message, language)
  const rows = typed.rows.filter(({ attribute }) => attribute !== '')
  const configured = {
    id: 'preview',
    purpose: typed.purpose,
    description: typed.description,
    translations: wholeTranslations(typed),
    piiCategories: rows.map(({ attribute, mandatory }) => ({ name: attribute, mandatory })),
  }
  const named = (attribute: string) => {
    const names = custom.get(attribute)
    return names ? nameIn(language, names) : { name: t({ key: `attribute.${attribute}` }) }
  }
  const purposes = purposesOnPage(
    {
      purposes: [purposeIn(language, configured)],
      profile: personWith(rows.map(({ attribute }) => attribute)),
      label: (attribute) => named(attribute).name,
      labelLanguage: (attribute) => named(attribute).language,
    },
    tryOf({ username: '', ticks: new Set(), typed: {} }).kept,
    { ticks: {}, typed: {} },
  )
  const { name, privacyPolicyUrl } = organization
  return {
    lang: language,
    dir: directionOf(language),
    page: {
      organization: name,
      idp: 'Acme',
      roles: [],
      consent: { ...(privacyPolicyUrl === undefined ? {} : { privacyPolicyUrl }), purposes },
    },
    t,
    codeOf: () => '',
    dateOf: (iso) => new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(iso)),
  }
}

/** Of the translations those that have both words: a half one cannot be saved, and is shown in English. */
function wholeTranslations({ translations }: TypedPurpose): Record<string, { purpose: string; description: string }> {
  return Object.fromEntries(
    Object.entries(translations).flatMap(([tag, { purpose = '', description = '' }]) =>
      purpose === '' || description === '' ? [] : [[tag, { purpose, description }]],
    ),
  )
}

function personWith(attributes: string[]): Profile {
  const values = attributes.map((name) => [name, { value: EXAMPLES[name] ?? 'Example' }])
  return { issuer: '', subject: '', suggestedUsername: 'asha', roles: [], attributes: Object.fromEntries(values) }
}
