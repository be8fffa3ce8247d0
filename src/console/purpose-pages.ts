// Where the pages of purposes are, and what all of them know: the attributes that there are, and who asks.
import { type AttributeNames, customAttributes } from '../db/purposes.ts'
import type { House } from '../house.ts'
import { STANDARD_ATTRIBUTES } from '../provisioning/attributes.ts'
import type { Setting } from '../settings/entries.ts'

export const RESIDENT = '/resident'
export const ONBOARDING = `${RESIDENT}/user-onboarding`
export const ASK_PASSWORD = `${ONBOARDING}/ask-password`
export const PURPOSES = `${ASK_PASSWORD}/purposes`

export const at = (path: string) => `/console${path}`

export const CRUMBS = [
  { label: 'Resident', href: at(RESIDENT) },
  { label: 'User Onboarding', href: at(ONBOARDING) },
  { label: 'Ask Password', href: at(ASK_PASSWORD) },
]
export const UNDER_PURPOSES = [...CRUMBS, { label: 'Consent Purposes', href: at(PURPOSES) }]

export interface AttributesKnown {
  names: string[]
  custom: ReadonlyMap<string, AttributeNames>
  /** What people call one, in English. */
  nameOf(attribute: string): string
}

/** The attributes that a purpose can name: the standard ones first. */
export async function attributesKnown({ db, views }: Pick<House, 'db' | 'views'>): Promise<AttributesKnown> {
  const custom = await customAttributes(db)
  return {
    names: [...Object.keys(STANDARD_ATTRIBUTES), ...custom.keys()],
    custom,
    nameOf(attribute) {
      const isStandard = Object.hasOwn(STANDARD_ATTRIBUTES, attribute)
      const own = custom.get(attribute)?.displayName
      return own ?? (isStandard ? views.t({ key: `attribute.${attribute}` }, 'en') : attribute)
    },
  }
}

/** The organization as a setting says it. */
export function organizationOf({ entry }: Setting): { name: string; privacyPolicyUrl?: string } {
  return entry as { name: string; privacyPolicyUrl?: string }
}
