// Whether somebody who was sent to an idp to sign in there once more did: what it says of when that was, and what it means that it says nothing.
import { findIdentity } from '../db/identities.ts'
import { hasSaidWhen, noteSaidWhen } from '../db/idps-saying-when.ts'
import { meansOf } from '../db/proofs.ts'
import type { Flow } from '../flow.ts'
import type { House } from '../house.ts'
import type { Profile } from './profile.ts'

/** What counts as proof must not mean another day. */
const FRESH_SECONDS = 300

/** An idp that was set up otherwise since must not shut people out of their accounts for ever. */
const REMEMBERED_MS = 90 * 86_400_000

/** `old`: the person was signed in there already. `unsaid`: the idp could have said when they signed in, or the person can prove it otherwise. */
export type SignedIn = 'now' | 'old' | 'unsaid'

/**
 * An idp that is asked for a new sign-in (max_age) has to say when it was (OpenID Connect Core, 3.1.2.1). Where nothing is said, either it does
 * not keep to that, or whoever holds the browser took the question out of the address. It is believed only when it has never said it of late, and
 * the person has nothing better: `hasPassword` says that they have. `maxAge`, in seconds, is how old it may be where that is longer than now is.
 */
export async function signedInNow(
  { db, now }: Pick<House, 'db' | 'now'>,
  idpId: string,
  { issuer, signedInAgo }: Pick<Profile, 'issuer' | 'signedInAgo'>,
  { hasPassword, maxAge = 0 }: { hasPassword: boolean; maxAge?: number },
): Promise<SignedIn> {
  const idp = { idpId, issuer }
  if (signedInAgo !== undefined) {
    await noteSaidWhen(db, idp, now())
    return signedInAgo <= Math.max(FRESH_SECONDS, maxAge) ? 'now' : 'old'
  }
  const since = new Date(now().getTime() - REMEMBERED_MS)
  return hasPassword || (await hasSaidWhen(db, idp, since)) ? 'unsaid' : 'now'
}

/** Whether the sign-in at the idp by which somebody has just come back is as new as the application asked for. */
export async function isAsNewAsAsked(
  house: Pick<House, 'db' | 'now'>,
  { door }: Pick<Flow, 'door'>,
  idpId: string,
  profile: Profile,
): Promise<boolean> {
  if (door.kind !== 'application' || door.maxAge === undefined) return true
  const { issuer, subject } = profile
  const identity = await findIdentity(house.db, { idpId, issuer, subject })
  const means = identity && (await meansOf(house.db, identity.userId))
  const hasPassword = typeof means?.passwordHash === 'string'
  return (await signedInNow(house, idpId, profile, { hasPassword, maxAge: door.maxAge })) === 'now'
}
