// What would happen if an idp sent these claims: the mapping and, with it, the whole way to the decision. Changes nothing.
import type { Idp } from '../db/idps.ts'
import type { House } from '../house.ts'
import {
  type Rehearsal,
  type RehearsalOptions,
  rehearseArrival,
  type Warning,
  warning,
} from '../provisioning/rehearse.ts'
import { quote } from './description.ts'
import { type Profile, ProfileFault, toProfile } from './profile.ts'

export type Claims = Readonly<Record<string, unknown>>

export type Rehearsed =
  | ({
      kind: 'rehearsed'
      claims: Claims
      /** By our names: what the mapping makes of the claims. */
      attributes: Profile['attributes']
      roles: string[]
    } & Rehearsal)
  /** The claims make no profile: the person would get the page of an idp that did not do its part. */
  | { kind: 'fault'; claims: Claims; sentence: string }

const LONGEST_PASTE_BYTES = 100_000

/** Rehearses a sign-in with these claims, as the idp may send them in ID token and userinfo together. */
export async function rehearse(
  house: House,
  idp: Idp,
  claims: Claims,
  options: RehearsalOptions = {},
): Promise<Rehearsed> {
  let profile: Profile
  try {
    profile = toProfile(claims, idp)
  } catch (error) {
    if (!(error instanceof ProfileFault)) throw error
    return { kind: 'fault', claims, sentence: `The claims have ${error.reason}.` }
  }
  const rehearsal = await rehearseArrival(house, idp, profile, options)
  const { attributes, roles } = profile
  const warnings = [...mappingWarnings(claims, idp, profile), ...rehearsal.warnings]
  return { kind: 'rehearsed', claims, attributes, roles, ...rehearsal, warnings }
}

/** Reads claims that somebody pasted: one JSON object of at most 100 kB. Otherwise what is wrong with it. */
export function readClaims(text: string): { claims: Claims } | { problem: string } {
  if (Buffer.byteLength(text) > LONGEST_PASTE_BYTES) return { problem: 'This is more than 100 kB.' }
  const given = text.replace(/^\uFEFF/, '').trim()
  if (given === '') return { problem: 'Paste the claims of a person, as a JSON object.' }
  if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(given))
    return { problem: 'This is a token. Paste the claims that are in it, as a JSON object.' }
  let claims: unknown
  try {
    claims = JSON.parse(given)
    // What goes deeper than that can be written again by nobody, not even in a page.
    JSON.stringify(claims)
  } catch (error) {
    if (error instanceof RangeError) return { problem: 'This is nested too deeply.' }
    return { problem: `This is not JSON${placeOf(error, given)}.` }
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    return { problem: 'This is JSON, but no object: claims are names and values between { and }.' }
  return { claims: claims as Claims }
}

/** Where the parser gave up, when it says so. */
function placeOf(error: unknown, text: string): string {
  const position = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
  if (position === undefined) return ''
  const before = text.slice(0, Number(position)).split('\n')
  return ` (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`
}

function mappingWarnings(claims: Claims, idp: Idp, { attributes, suggestedUsername }: Profile): Warning[] {
  const isSent = (claim: string) => Object.hasOwn(claims, claim)
  const unmapped = Object.entries(idp.mappings).filter(([attribute]) => !Object.hasOwn(attributes, attribute))
  return [
    ...unmapped.map(([attribute, claim]) =>
      isSent(claim)
        ? warning('claim-unfit', `The claim ${claim} is empty or of a kind that ${attribute} cannot be.`)
        : warning('claim-missing', `The claim ${claim}, which ${attribute} is read from, is not sent.`),
    ),
    ...(typeof claims[idp.usernameClaim] === 'string' && claims[idp.usernameClaim] !== ''
      ? []
      : [
          warning(
            'username-claim-missing',
            `The claim ${idp.usernameClaim}, which the username is read from, is not sent as text: ${quote(suggestedUsername)} takes its place.`,
          ),
        ]),
    ...(idp.rolesClaim === null || isSent(idp.rolesClaim)
      ? []
      : [warning('roles-claim-missing', `The claim ${idp.rolesClaim}, which roles are read from, is not sent.`)]),
  ]
}
