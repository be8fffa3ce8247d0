// Where an idp says something else than what is kept of the person who connects it. Pure. Nothing of this is taken over unless they tick it.
import type { ConsentRecord } from '../db/consents.ts'
import type { StoredAttribute } from '../db/user-attributes.ts'
import type { Profile } from '../login/profile.ts'
import { allFromIdp } from '../provisioning/consent.ts'
import { isSameValue } from '../provisioning/sync.ts'

export interface Difference {
  /** What is kept; absent: nothing, although the person agreed to it. */
  now?: StoredAttribute
  /** What the idp says, as it would be kept. */
  theirs: StoredAttribute
}

/**
 * What could be taken over from a profile: attributes that are kept or agreed to, with another value. One that the person said no to, and
 * to nothing else of which they said yes, is none of these, whoever sends it.
 */
export function differencesOf(
  profile: Profile,
  { idpId, stored, consents }: { idpId: string; stored: StoredAttribute[]; consents: ConsentRecord[] },
): Difference[] {
  const given = new Set(consents.filter(({ state }) => state === 'given').map(({ attribute }) => attribute))
  const answered = new Set(consents.map(({ attribute }) => attribute))
  const kept = new Map(stored.map((attribute) => [attribute.name, attribute]))
  return allFromIdp(profile, idpId).flatMap((theirs): Difference[] => {
    const now = kept.get(theirs.name)
    if (!given.has(theirs.name) && (answered.has(theirs.name) || !now)) return []
    if (!now) return [{ theirs }]
    return isSameValue(now.value, theirs.value) ? [] : [{ now, theirs }]
  })
}
