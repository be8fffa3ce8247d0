// Where an idp says something else than what is kept of the user who connects it: what can be ticked, and what a tick means. Pure.
import type { Kept } from '../db/connect-person.ts'
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
  /** They agreed that it is kept, for whatever purpose: without a tick it comes with the next sign-in by this idp, if nothing is kept. */
  isAgreed: boolean
  /** The purposes for which it would be kept. */
  purposes: { id: string; purpose: string; language?: string; version?: number }[]
}

/** What a difference is seen in. */
export type Comparing = Pick<Situation, 'profile' | 'idp' | 'purposes'>

/**
 * The differences, in the order in which the idp's attributes are mapped. Where people are asked, only what some purpose asks for is kept of
 * anybody, and so it is here. What the person said no to is none of these, whoever sends it, nor is the value of an operator, or what another idp
 * keeps up to date, which are not theirs to replace.
 */
export function differencesOf(
  { profile, idp, purposes }: Comparing,
  { stored, consents, keepers }: Kept,
): Difference[] {
  const given = new Set(consents.filter(({ state }) => state === 'given').map(({ attribute }) => attribute))
  const answered = new Set(consents.map(({ attribute }) => attribute))
  return allFromIdp(profile, idp.id).flatMap((sent): Difference[] => {
    const { name } = sent
    const kept = stored.find((one) => one.name === name)
    const asking = purposes.filter(({ piiCategories }) => piiCategories.some((one) => one.name === name))
    const isAgreed = given.has(name)
    const isRefused = answered.has(name) && !isAgreed
    const isAsked = isAgreed || asking.length > 0 || idp.scheme === 'PROVISION_SILENTLY'
    if (isRefused || !isAsked || kept?.origin === 'operator' || keepers.has(name)) return []
    if (kept && isSameValue(kept.value, sent.value)) return []
    return [
      {
        name,
        ...(kept ? { kept } : {}),
        sent,
        isAgreed,
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
    .flatMap(({ name, purposes, isAgreed }) => {
      const ids = purposes.length > 0 || isAgreed ? purposes.map(({ id }) => id) : ['default']
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
