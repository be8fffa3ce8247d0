// Claims as text: an example to begin with, and what an identity provider sent, printed so that nothing in it hides. Pure.
import type { Idp } from '../db/idps.ts'
import type { Claims } from '../login/rehearse.ts'

/** Values of somebody made up, by our attributes. */
const VALUES: Record<string, unknown> = {
  name: 'Asha Rao',
  given_name: 'Asha',
  family_name: 'Rao',
  nickname: 'Asha',
  email: 'asha@example.com',
  phone_number: '+44 20 7946 0000',
  birthdate: '1990-04-23',
  locale: 'en-GB',
  zoneinfo: 'Europe/London',
  profile: 'https://people.example.com/asha',
  picture: 'https://people.example.com/asha.jpg',
  website: 'https://asha.example.com',
  address: { formatted: '1 Harbour Street, London' },
}

/** What an idp with these mappings may send of a person. */
export function exampleClaims({ mappings, usernameClaim, rolesClaim, roleMappings }: Idp): Claims {
  const attributes = Object.entries(mappings).map(([attribute, claim]): [string, unknown] => [
    claim,
    Object.hasOwn(VALUES, attribute) ? VALUES[attribute] : 'Example',
  ])
  const claims = new Map<string, unknown>([['sub', 'a-person'], ...attributes])
  if (mappings['email'] === 'email') claims.set('email_verified', true)
  if (!claims.has(usernameClaim)) claims.set(usernameClaim, 'asha')
  const [role] = Object.keys(roleMappings)
  if (rolesClaim !== null && role !== undefined) claims.set(rolesClaim, [role])
  return Object.fromEntries(claims)
}

/** Deeper than any idp nests; each level is indented further, so a bottomless one would fill the page with spaces. */
const DEEPEST_INDENTED = 50
const LONGEST_CHARACTERS = 100_000

/** Claims as JSON on lines of their own, which is still JSON when what nobody sees, or what turns text around, is written as its code. */
export function printClaims(claims: Claims): string {
  const compact = JSON.stringify(claims)
  const text = depthIn(compact) > DEEPEST_INDENTED ? compact : JSON.stringify(claims, null, 2)
  const shown = text.length > LONGEST_CHARACTERS ? `${text.slice(0, LONGEST_CHARACTERS)}…` : text
  return shown.replace(/[\p{Cf}\p{Zl}\p{Zp}\u007f-\u009f]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

/** How deep it is nested at the most; brackets in texts count too. */
function depthIn(json: string): number {
  let [depth, deepest] = [0, 0]
  for (const character of json) {
    if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth)
    else if (character === '}' || character === ']') depth -= 1
  }
  return deepest
}
