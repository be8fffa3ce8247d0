// The roles that an idp grants: read from its claim, and what a sign-in changes in those that are kept. Pure.
import type { Idp } from '../db/idps.ts'
import type { Profile } from '../login/profile.ts'

/** What the reference puts between several values that come as one text. */
const SEPARATOR = ','

/**
 * Our roles for what a roles claim says, each once, sorted. `mappings` is their role → ours; what is not mapped, and a claim that is
 * neither a text nor a list of texts, grants nothing. Never throws: of what is not mapped nothing is kept, so it may be anything.
 */
export function readRoles(claim: unknown, mappings: Readonly<Record<string, string>>): string[] {
  const ours = theirRoles(claim, mappings).flatMap((role) =>
    Object.hasOwn(mappings, role) ? (mappings[role] ?? []) : [],
  )
  return [...new Set(ours)].sort()
}

/**
 * The roles of a profile that its idp grants now. The mapping may have lost some since the person came back, for a page can be open for
 * hours.
 */
export function grantedRoles(profile: Profile, { roleMappings }: Idp): string[] {
  const granted = new Set(Object.values(roleMappings))
  return profile.roles.filter((role) => granted.has(role))
}

/**
 * What a later sign-in changes in the roles that this idp granted; `kept` are its own alone. No sync method holds this back: attributes are
 * a copy, which may be old, but a role opens doors, and whoever lost it over there must not keep it here.
 */
export function roleChanges(granted: string[], kept: string[]): { grant: string[]; withdraw: string[] } {
  return {
    grant: granted.filter((role) => !kept.includes(role)),
    withdraw: kept.filter((role) => !granted.includes(role)),
  }
}

function theirRoles(claim: unknown, mappings: Readonly<Record<string, string>>): string[] {
  // A name of theirs may have commas, as in directories: cn=admins,dc=acme.
  if (typeof claim === 'string') return Object.hasOwn(mappings, claim) ? [claim] : claim.split(SEPARATOR)
  return Array.isArray(claim) && claim.every((role) => typeof role === 'string') ? claim : []
}
