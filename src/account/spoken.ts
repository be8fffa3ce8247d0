// The purposes and details of an account in the language of a page: the operator's words, ours, and of what is no longer asked for those that were seen.
import type { Choice } from '../db/account-choices.ts'
import type { Organization } from '../db/installation.ts'
import type { House } from '../house.ts'
import { isStandardAttribute } from '../provisioning/attributes.ts'
import { type Notice, noticeOf } from '../provisioning/consent.ts'
import { nameIn, purposeIn, type SpokenPurpose } from '../provisioning/translations.ts'
import type { Configured } from '../settings/configured.ts'

/** What something is called, and in which language, where that is not the page's. */
export interface Label {
  text: string
  lang?: string
}

export interface Spoken {
  language: string
  organization: Organization
  /** Those that are asked for now. */
  purposes: SpokenPurpose[]
  /** The words of the built-in purpose. */
  builtIn: { purpose: string; description: string }
  /** What people call an attribute; one that is declared no longer, as it was called when somebody was asked. */
  label(attribute: string): Label
  /** The words of one purpose, as they are kept with an answer to it. */
  noticeOf(purpose: SpokenPurpose): Notice
}

/** The words of what is configured. `choices` know those of before. */
export function spokenIn(
  house: House,
  { organization, purposes, attributes: custom }: Configured,
  language: string,
  choices: Choice[],
): Spoken {
  const seen = new Map(
    choices.flatMap((choice) => choice.seen?.piiCategories ?? []).map(({ name, label }) => [name, label]),
  )
  const label = (attribute: string): Label => {
    if (isStandardAttribute(attribute)) return { text: house.views.t({ key: `attribute.${attribute}` }, language) }
    const names = custom.get(attribute)
    if (!names) return { text: seen.get(attribute) ?? attribute }
    const { name: text, language: lang } = nameIn(language, names)
    return { text, ...(lang === undefined ? {} : { lang }) }
  }
  return {
    language,
    organization,
    purposes: purposes.map((purpose) => purposeIn(language, purpose)),
    builtIn: {
      purpose: house.views.t({ key: 'consent.default.purpose' }, language),
      description: house.views.t({ key: 'consent.default.description', values: { org: organization.name } }, language),
    },
    label,
    noticeOf: (purpose) => noticeOf([purpose], organization, language, (attribute) => label(attribute).text),
  }
}
