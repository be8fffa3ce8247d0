// Which attributes are asked for, which were granted, and therefore which may be kept. Pure.
import { createHash } from 'node:crypto'
import type { ConsentRecord } from '../db/consents.ts'
import type { Organization } from '../db/installation.ts'
import type { Purpose } from '../db/purposes.ts'
import type { StoredAttribute } from '../db/user-attributes.ts'
import type { Profile } from '../login/profile.ts'
import type { SpokenPurpose } from './translations.ts'
import type { TypedAttributes } from './typed-attributes.ts'

/** One attribute of one purpose: a row on the page, and a box to tick when there is something to keep. */
export interface Item {
  purposeId: string
  attribute: string
  isNeeded: boolean
  isSent: boolean
  /** The value of the tick box: `<purpose id>:<attribute>`. */
  key: string
  /** Of somebody who is known: they are asked about a change, which they can put off, or not any more. */
  again?: 'open' | 'due'
}

/** The purposes as shown, with the words; its hash travels in the form, so that nothing is saved under other words. */
export interface Notice {
  hash: string
  language: string
  content: string
}

/**
 * The configured purposes; with none, the built-in one over the mapped attributes that the idp sent, all optional, so that there
 * is one code path. With none and nothing sent there is no section.
 */
export function effectivePurposes(
  configured: SpokenPurpose[],
  profile: Profile,
  words: { purpose: string; description: string },
): SpokenPurpose[] {
  if (configured.length > 0) return configured
  const names = Object.keys(profile.attributes)
  if (names.length === 0) return []
  return [{ id: 'default', ...words, piiCategories: names.map((name) => ({ name, mandatory: false })) }]
}

export function itemsOf(purposes: (Purpose & Pick<SpokenPurpose, 'again'>)[], profile: Profile): Item[] {
  return purposes.flatMap((purpose) =>
    purpose.piiCategories.map(({ name, mandatory }) => ({
      purposeId: purpose.id,
      attribute: name,
      isNeeded: mandatory,
      isSent: Object.hasOwn(profile.attributes, name),
      key: `${purpose.id}:${name}`,
      ...(purpose.again ? { again: purpose.again } : {}),
    })),
  )
}

/** Attributes that some purpose needs and the idp did not send: each is typed by the person, once. */
export function missingAttributes(purposes: Purpose[], profile: Profile): string[] {
  const missing = itemsOf(purposes, profile).filter((item) => item.isNeeded && !item.isSent)
  return [...new Set(missing.map((item) => item.attribute))]
}

/** `label` is what people call an attribute: it is among the words that they agree to. */
export function noticeOf(
  purposes: SpokenPurpose[],
  organization: Organization,
  language: string,
  label: (attribute: string) => string,
): Notice {
  // A fixed order of members: the same words must give the same hash on every process.
  const content = JSON.stringify({
    controller: {
      name: organization.name,
      privacyPolicyUrl: organization.privacyPolicyUrl ?? null,
      jurisdiction: organization.jurisdiction ?? null,
      contact: organization.contact ?? null,
      email: organization.email ?? null,
      phone: organization.phone ?? null,
      address: organization.address ?? null,
    },
    language,
    purposes: purposes.map(({ id, purpose, description, piiCategories, language: own, again }) => ({
      id,
      ...(again === undefined ? {} : { again }),
      ...(own === undefined ? {} : { language: own }),
      purpose,
      description,
      piiCategories: piiCategories.map(({ name, mandatory }) => ({ name, label: label(name), mandatory })),
    })),
  })
  return { hash: createHash('sha256').update(content).digest('base64url'), language, content }
}

/** The items whose box must be ticked and is not. Mandatory is judged per purpose. A change that can be put off can be refused, too. */
export function missingTicks(items: Item[], ticks: ReadonlySet<string>): Item[] {
  return items.filter((item) => item.isNeeded && item.again !== 'open' && !ticks.has(item.key))
}

/** Whether the person has to type an attribute that the idp did not send: they agree to what needs it, or have to. */
export function mustType(items: Item[], ticks: ReadonlySet<string>, attribute: string): boolean {
  return items.some(
    (item) => item.attribute === attribute && item.isNeeded && (item.again !== 'open' || ticks.has(item.key)),
  )
}

/**
 * What may be kept, and the answers to record: one per box that was on the page, given or refused.
 * Everything not granted is dropped here, before anything is made that could be stored.
 */
export function grant(
  items: Item[],
  ticks: ReadonlySet<string>,
  profile: Profile,
  typed: TypedAttributes,
  idpId: string,
): { attributes: StoredAttribute[]; records: ConsentRecord[] } {
  const asked = items.filter((item) => item.isSent || item.isNeeded)
  const granted = new Set(asked.filter((item) => ticks.has(item.key)).map((item) => item.attribute))
  return {
    attributes: [...granted].flatMap((name) => {
      const sent = attributeFromIdp(profile, name, idpId)
      if (sent) return [sent]
      const value = Object.hasOwn(typed, name) ? typed[name] : undefined
      // What a person types is their own statement: never verified.
      return value === undefined
        ? []
        : [{ name, value, verified: name === 'email' ? false : null, origin: 'person' as const, originIdpId: null }]
    }),
    records: asked.map((item) => ({
      purposeId: item.purposeId,
      attribute: item.attribute,
      state: ticks.has(item.key) ? ('given' as const) : ('refused' as const),
    })),
  }
}

/** Every attribute that the idp sent, as rows: what silent provisioning keeps. */
export function allFromIdp(profile: Profile, idpId: string): StoredAttribute[] {
  return Object.keys(profile.attributes).flatMap((name) => attributeFromIdp(profile, name, idpId) ?? [])
}

function attributeFromIdp(profile: Profile, name: string, idpId: string): StoredAttribute | undefined {
  if (!Object.hasOwn(profile.attributes, name)) return undefined
  const attribute = profile.attributes[name]
  if (!attribute) return undefined
  return { name, value: attribute.value, verified: attribute.verified ?? null, origin: 'idp', originIdpId: idpId }
}
