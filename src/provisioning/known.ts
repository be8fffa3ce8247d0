// Reads what somebody who is known has to be asked again. Nothing, for nearly everybody: then it is one read.
import { currentConsents, lastAnswers } from '../db/consents.ts'
import type { Idp } from '../db/idps.ts'
import type { Organization } from '../db/installation.ts'
import { answeredAttributes, seenVersions } from '../db/purpose-versions.ts'
import type { ConfiguredPurpose } from '../db/purposes.ts'
import { listUserAttributes } from '../db/user-attributes.ts'
import type { House } from '../house.ts'
import type { Profile } from '../login/profile.ts'
import { type AskedAgain, askedAgain, isDueAt, type LeftEmpty, withKept, withLeftEmpty } from './reask.ts'

export interface Asking {
  /** By the id of the purpose. */
  asked: Map<string, AskedAgain & { leftEmpty: Record<string, LeftEmpty> }>
  /** What the idp sent, with what is kept. */
  profile: Profile
}

/** What has to be asked again of a person whose idp asks; undefined when nothing has. */
export async function whatToAskAgain(
  house: House,
  userId: string,
  {
    idp,
    profile,
    purposes,
    controller,
  }: {
    idp: Idp
    profile: Profile
    purposes: ConfiguredPurpose[]
    controller: Organization
  },
): Promise<Asking | undefined> {
  const now = house.now()
  const seen = await seenVersions(house.db, userId)
  const isSettled = (purpose: ConfiguredPurpose) => {
    const last = seen.get(purpose.id)
    return last?.version === purpose.inForce?.version && (!isDueAt(purpose, now) || last?.wasDue === true)
  }
  if (purposes.every(isSettled)) return undefined
  const [answers, bySelf, stored] = await Promise.all([
    lastAnswers(house.db, userId),
    answeredAttributes(house.db, userId),
    listUserAttributes(house.db, userId),
  ])
  const kept = withKept(profile, stored, idp)
  const asked = new Map<string, AskedAgain>()
  for (const purpose of purposes) {
    const { id } = purpose
    const again = askedAgain(purpose, controller, seen.get(id), answers.get(id) ?? new Map(), now, bySelf.get(id))
    // With no box to tick there is nothing to ask, until there is.
    const hasBox = purpose.piiCategories.some(
      ({ name, mandatory }) => again?.attributes.includes(name) && (mandatory || Object.hasOwn(kept.attributes, name)),
    )
    if (again && hasBox) asked.set(id, again)
  }
  if (asked.size === 0) return undefined
  const consents = await currentConsents(house.db, userId)
  return { asked: withLeftEmpty(asked, { consents, kept: new Set(stored.map(({ name }) => name)) }), profile: kept }
}
