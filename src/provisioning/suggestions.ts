// Free names to offer to somebody whose name is the problem.
import type { Db } from '../db/connect.ts'
import { joinName, splitName } from '../stores/name.ts'
import type { Situation } from './facts.ts'
import { isAsInUsername, readName } from './place.ts'
import { takenNames } from './taken.ts'
import { alternatives, withoutSlips } from './username.ts'

const OFFERED = 3

/** Up to three names like `name`, made of what the idp said of the person, that nobody has in the store. They are offered, never taken. */
export async function freeNames(db: Db, situation: Situation, name: string): Promise<string[]> {
  const { given_name: given, family_name: family, email } = situation.profile.attributes
  const { places } = situation
  const wanted = readName(name, places, 'typed')
  const isPrefixed = isAsInUsername(places) && splitName(withoutSlips(name)).domain !== undefined
  const bare = isPrefixed ? splitName(withoutSlips(name)).username : name
  const known = {
    ...(typeof given?.value === 'string' ? { givenName: given.value } : {}),
    ...(typeof family?.value === 'string' ? { familyName: family.value } : {}),
    ...(typeof email?.value === 'string' ? { email: email.value } : {}),
  }
  const candidates = alternatives(bare, known, { policy: wanted.store.policy, reserved: places.reserved })
    .map((username) =>
      readName(isAsInUsername(places) ? joinName(wanted.store.name, username) : username, places, 'typed'),
    )
    .filter((candidate) => candidate.kind === 'ok')
  const taken = await takenNames(db, candidates)
  return candidates
    .filter((candidate) => !taken.has(candidate.key))
    .slice(0, OFFERED)
    .map((candidate) => (isAsInUsername(places) ? candidate.name : candidate.username))
}
