// Free names to offer to somebody whose name is the problem.
import type { Db } from '../db/connect.ts'
import { takenUsernames } from '../db/users.ts'
import type { Situation } from './facts.ts'
import { alternatives, readTypedUsername } from './username.ts'

const OFFERED = 3

/** Up to three names like `name`, made of what the idp said of the person, that nobody has in the store. They are offered, never taken. */
export async function freeNames(db: Db, situation: Situation, name: string): Promise<string[]> {
  const { given_name: given, family_name: family, email } = situation.profile.attributes
  const candidates = alternatives(name, {
    ...(typeof given?.value === 'string' ? { givenName: given.value } : {}),
    ...(typeof family?.value === 'string' ? { familyName: family.value } : {}),
    ...(typeof email?.value === 'string' ? { email: email.value } : {}),
  }).flatMap((username) => {
    const reading = readTypedUsername(username)
    return reading.kind === 'ok' ? [reading] : []
  })
  const taken = await takenUsernames(
    db,
    situation.idp.userstore,
    candidates.map((candidate) => candidate.canonical),
  )
  return candidates
    .filter((candidate) => !taken.has(candidate.canonical))
    .slice(0, OFFERED)
    .map((candidate) => candidate.username)
}
