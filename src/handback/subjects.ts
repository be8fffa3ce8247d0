// Who an application is told about: a user of ours by a random id, or a person of whom nothing is kept by a keyed hash.
import { findFederatedClaims, putFederatedClaims } from '../db/oidc-records.ts'
import { findReleasable } from '../db/standing.ts'
import type { StoredAttribute } from '../db/user-attributes.ts'
import type { User } from '../db/users.ts'
import type { House } from '../house.ts'
import type { Profile } from '../login/profile.ts'
import { PROTOCOL_CLAIMS, scopeOf } from '../provisioning/attributes.ts'
import { keyedHash, sha256 } from '../seal.ts'
import { joinName } from '../stores/name.ts'

export type ReleasedClaims = Record<string, unknown>

const FEDERATED = 'fed.'
const FEDERATED_CLAIMS_SECONDS = 600

/** In the `amr` of a session whose sign-in showed a second factor (RFC 8176). */
export const MFA = 'mfa'

export function isFederated(subject: string): boolean {
  return subject.startsWith(FEDERATED)
}

/** The subject of a person without a user: the same at every sign-in, unlinkable without the salt, and no row is made for it. */
export function federatedSubject(salt: Buffer, idpId: string, profile: Pick<Profile, 'issuer' | 'subject'>): string {
  return FEDERATED + keyedHash(salt, idpId, profile.issuer, profile.subject).toString('base64url')
}

/** What a user's application may read: the username, the stored attributes and the roles. Which of them it gets is up to its scopes. */
export async function claimsOfUser(house: House, user: User): Promise<ReleasedClaims> {
  const { attributes, roles } = await findReleasable(house.db, user.id)
  return {
    sub: user.id,
    preferred_username: joinName(user.store, user.username),
    ...released(attributes),
    ...releasedRoles(roles),
  }
}

/** Keeps what the requested scopes cover of a profile, sealed, for as long as the access token of its grant lives. */
export async function keepFederatedClaims(
  house: House,
  grantId: string,
  profile: Profile,
  scopes: readonly string[],
): Promise<void> {
  const attributes = Object.entries(profile.attributes)
    .filter(([name]) => scopes.includes(scopeOf(name)))
    .map(([name, { value, verified }]) => ({ name, value, verified: verified ?? null }))
  const username = scopes.includes('profile') ? { preferred_username: profile.suggestedUsername } : {}
  const roles = scopes.includes('roles') ? profile.roles : []
  const claims = { ...username, ...released(attributes), ...releasedRoles(roles) }
  const expiresAt = new Date(house.now().getTime() + FEDERATED_CLAIMS_SECONDS * 1000)
  const sealed = house.keyring.seal('federated claims', JSON.stringify({ scopes, claims }))
  await putFederatedClaims(house.db, sha256(grantId), sealed, expiresAt)
}

/** What was kept for a grant, while it lives. */
export async function federatedClaims(
  house: House,
  grantId: string,
): Promise<{ scopes: string[]; claims: ReleasedClaims } | undefined> {
  const sealed = await findFederatedClaims(house.db, sha256(grantId), house.now())
  return sealed ? JSON.parse(house.keyring.unseal('federated claims', sealed)) : undefined
}

function released(attributes: Pick<StoredAttribute, 'name' | 'value' | 'verified'>[]): ReleasedClaims {
  const claims: ReleasedClaims = {}
  for (const { name, value, verified } of attributes) {
    // Kept under a name that was free then and has a meaning now: an attribute may be a person's own word, and grants no role.
    if (PROTOCOL_CLAIMS.has(name)) continue
    claims[name] = value
    // Never without its value: an application must not learn that an address it may not see was verified.
    if (name === 'email' || name === 'phone_number') claims[`${name}_verified`] = verified === true
  }
  return claims
}

/** Nobody's empty list: a claim without a value is left out (OpenID Connect Core, 5.3.2), and to every application no role is no role. */
function releasedRoles(roles: string[]): ReleasedClaims {
  return roles.length > 0 ? { roles } : {}
}
