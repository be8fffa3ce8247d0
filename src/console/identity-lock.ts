// Locks a person by who they are at an idp, and unlocks them, for the screens that do.
import type { Actor } from '../db/changes.ts'
import { findIdentity, type Person } from '../db/identities.ts'
import { lockPerson, unlockPerson } from '../db/identity-locks.ts'
import { personHash } from '../flow.ts'
import { endSessionsBy } from '../handback/sessions.ts'
import { federatedSubject } from '../handback/subjects.ts'
import type { House } from '../house.ts'

/** Locks a person out, with all that they began by that idp, or lets them in again. */
export async function setPersonLocked(house: House, person: Person, isLocked: boolean, actor: Actor): Promise<void> {
  const whom = { ...person, federatedSubject: federatedSubject(house.salt, person.idpId, person) }
  if (!isLocked) {
    const hash = personHash(house, person.idpId, person)
    return unlockPerson(house.db, { ...whom, personHash: hash }, actor, house.now)
  }
  await lockPerson(house.db, whom, actor, house.now)
  // None of them is good any more, whether it is there or not (handback/live.ts): gone, they are on no list either.
  const identity = await findIdentity(house.db, person)
  if (identity) await endSessionsBy(house, identity.userId, person.idpId)
}
