// The people whom the bench signs in: each a number, of which everything else follows.

/** As whom the product and the floor are known at the idp. */
export const CLIENT_ID = 'bench'
export const CLIENT_SECRET = 'a secret between the bench and its idp'

/** People up to this number may be in the database before anything is measured; those above are new. */
const NEW_FROM = 10_000_000

let last = NEW_FROM

/** Somebody whom nobody has seen. */
export function somebodyNew(): number {
  last += 1
  return last
}

export function emailOf(person: number): string {
  return `u${person}@example.test`
}

/** What the idp says of a person. `fill.ts` makes the same people by SQL. */
export function claimsOf(person: number) {
  return {
    sub: `sub-${person}`,
    email: emailOf(person),
    email_verified: true,
    name: `User ${person}`,
    preferred_username: `user-${person}`,
  }
}
