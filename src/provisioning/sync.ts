// What a later sign-in changes in what is kept. Pure. Only values whose origin is this idp are ever touched.
import type { ConsentRecord } from '../db/consents.ts'
import type { AttributeSyncMethod, Scheme } from '../db/idps.ts'
import type { AttributeValue, StoredAttribute } from '../db/user-attributes.ts'
import type { Profile } from '../login/profile.ts'
import { allFromIdp } from './consent.ts'

export interface SyncFacts {
  idpId: string
  method: AttributeSyncMethod
  /** The scheme under which this identity was provisioned. */
  provisionedBy: Scheme
  stored: StoredAttribute[]
  /** The latest answer per purpose and attribute. */
  consents: ConsentRecord[]
}

export interface Changes {
  put: StoredAttribute[]
  remove: string[]
}

/**
 * Coverage: what was consented to; for a person provisioned silently, everything mapped. A recorded refusal always wins, unless
 * another purpose was given for the same attribute.
 */
export function changesOf(profile: Profile, facts: SyncFacts): Changes {
  const given = new Set(facts.consents.filter((record) => record.state === 'given').map((record) => record.attribute))
  const answered = new Set(facts.consents.map((record) => record.attribute))
  const isCovered = (name: string) =>
    given.has(name) || (facts.provisionedBy === 'PROVISION_SILENTLY' && !answered.has(name))

  const stored = new Map(facts.stored.map((attribute) => [attribute.name, attribute]))
  const put = allFromIdp(profile, facts.idpId).filter((sent) => {
    const kept = stored.get(sent.name)
    return isCovered(sent.name) && (!kept || (kept.originIdpId === facts.idpId && !isSame(kept, sent)))
  })
  // Without sync nothing changes; but what somebody agreed to after they had joined has to come from somewhere.
  if (facts.method === 'NONE')
    return { put: put.filter(({ name }) => given.has(name) && !stored.has(name)), remove: [] }
  if (facts.method === 'PRESERVE_LOCAL') return { put, remove: [] }
  const remove = facts.stored
    .filter((kept) => kept.originIdpId === facts.idpId && !Object.hasOwn(profile.attributes, kept.name))
    .map((kept) => kept.name)
  return { put, remove }
}

function isSame(kept: StoredAttribute, sent: StoredAttribute): boolean {
  return kept.verified === sent.verified && isSameValue(kept.value, sent.value)
}

/** Whether two values say the same. */
export function isSameValue(one: AttributeValue, other: AttributeValue): boolean {
  return canonical(one) === canonical(other)
}

/** PostgreSQL's jsonb does not keep the order of members. */
function canonical(value: AttributeValue): string {
  return typeof value === 'object' && !Array.isArray(value)
    ? JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : JSON.stringify(value)
}
