// Where an idp says something else of a person than what is kept of the user whom they connect: what can be ticked, and what a tick means. Pure.
import type { ConsentRecord } from '../db/consents.ts'
import type { AnsweredAttribute } from '../db/purpose-versions.ts'
import type { StoredAttribute } from '../db/user-attributes.ts'
import { allFromIdp } from '../provisioning/consent.ts'
import type { Situation } from '../provisioning/facts.ts'
import { isSameValue } from '../provisioning/sync.ts'

export interface Difference {
  name: string
  /** What is kept; absent: nothing. */
  kept?: StoredAttribute
  sent: StoredAttribute
  /** The purposes for which it would be kept. */
  purposes: { id: string; purpose: string; language?: string; version?: number }[]
}

/** What a difference is seen in. */
export type Comparing = Pick<Situation, 'profile' | 'idp' | 'purposes'>

/**
 * The differences, in the order in which the idp's attributes are mapped. Where people are asked, only what some purpose asks for is kept of
 * anybody, and so it is here.
 */
export function differencesOf({ profile, idp, purposes }: Comparing, stored: StoredAttribute[]): Difference[] {
  return allFromIdp(profile, idp.id).flatMap((sent) => {
    const kept = stored.find(({ name }) => name === sent.name)
    const asking = purposes.filter(({ piiCategories }) => piiCategories.some(({ name }) => name === sent.name))
    if (idp.scheme !== 'PROVISION_SILENTLY' && asking.length === 0) return []
    if (kept && isSameValue(kept.value, sent.value)) return []
    return [
      {
        name: sent.name,
        ...(kept ? { kept } : {}),
        sent,
        purposes: asking.map(({ id, purpose, language, inForce }) => ({
          id,
          purpose,
          ...(language ? { language } : {}),
          ...(inForce ? { version: inForce.version } : {}),
        })),
      },
    ]
  })
}

/** The answers that ticks are, besides those that were given before: each for every purpose that it is kept for. */
export function answersIn(ticked: Difference[], before: ConsentRecord[]): ConsentRecord[] {
  const given = new Set(before.filter(({ state }) => state === 'given').map(keyOf))
  return ticked
    .flatMap(({ name, purposes }) => {
      const ids = purposes.length > 0 ? purposes.map(({ id }) => id) : ['default']
      return ids.map((purposeId) => ({ purposeId, attribute: name, state: 'given' as const }))
    })
    .filter((record) => !given.has(keyOf(record)))
}

/** What these are answers to, as it was said on the page. */
export function answeredBy(ticked: Difference[]): AnsweredAttribute[] {
  return ticked.flatMap(({ name, purposes }) =>
    purposes.flatMap(({ id, version }) => (version === undefined ? [] : { purposeId: id, attribute: name, version })),
  )
}

function keyOf({ purposeId, attribute }: Pick<ConsentRecord, 'purposeId' | 'attribute'>): string {
  return `${purposeId}:${attribute}`
}
