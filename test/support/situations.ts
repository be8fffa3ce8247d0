// Plain values for tests of the pure rules: a profile, the purposes, and a whole situation that a test changes where it matters.
import type { Purpose } from '../../src/db/purposes.ts'
import type { AttributeValue } from '../../src/db/user-attributes.ts'
import type { Profile } from '../../src/login/profile.ts'
import { missingAttributes, noticeOf } from '../../src/provisioning/consent.ts'
import { decide, type Facts } from '../../src/provisioning/decide.ts'
import type { Situation } from '../../src/provisioning/facts.ts'
import { readName } from '../../src/provisioning/place.ts'
import type { Question } from '../../src/provisioning/settle.ts'
import { placesOf } from './places.ts'

export const ISSUER = 'https://id.acme.example'
export const IDP_ID = '5f0f6c8e-9f57-4c9b-9a53-0f6f0d7d1a01'

export function purpose(id: string, needed: string[], optional: string[] = []): Purpose {
  const category = (mandatory: boolean) => (name: string) => ({ name, mandatory })
  return {
    id,
    purpose: `The purpose ${id}`,
    description: `Why ${id}`,
    piiCategories: [...needed.map(category(true)), ...optional.map(category(false))],
  }
}

/** A profile with these attributes; `verified` holds the names of those that the idp says it checked. */
export function profileOf(
  attributes: Record<string, AttributeValue>,
  verified: string[] = [],
  username = 'asha',
): Profile {
  return {
    issuer: ISSUER,
    subject: 'asha-1',
    suggestedUsername: username,
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [
        name,
        name === 'email' || name === 'phone_number' ? { value, verified: verified.includes(name) } : { value },
      ]),
    ),
    roles: [],
  }
}

/** Everything about one profile, for a person whom nobody knows at an idp that asks for all three. */
export function situationOf(
  profile: Profile,
  purposes: Purpose[],
  facts: Partial<Facts> & { scheme?: Facts['idp']['scheme'] } = {},
): Situation {
  const { scheme = 'PROMPT_USERNAME_PASSWORD_CONSENT', ...rest } = facts
  const places = placesOf()
  const suggested = readName(profile.suggestedUsername, places, 'claimed')
  const isTaken = rest.username === 'taken' && suggested.kind === 'ok'
  const label = (attribute: string) => `the ${attribute}`
  const organization = { name: 'Northwind', privacyPolicyUrl: 'https://northwind.example/privacy' }
  return {
    profile,
    idp: {
      id: IDP_ID,
      name: 'acme',
      displayName: 'Acme Works',
      isEnabled: true,
      issuer: ISSUER,
      clientId: 'northwind',
      clientSecretSealed: null,
      scopes: ['openid'],
      usernameClaim: 'preferred_username',
      mappings: {},
      rolesClaim: null,
      roleMappings: {},
      jitEnabled: true,
      scheme,
      userstore: 'PRIMARY',
      associateLocalUser: false,
      requireSecondFactor: false,
      attributeSyncMethod: 'OVERRIDE_ALL',
    },
    application: {
      id: '0b0a7f1e-27c5-4b08-8b0d-1c8f7a5f9b02',
      clientId: 'travel',
      name: 'Travel',
      clientSecretSealed: null,
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: [],
      redirectUris: [],
      postLogoutRedirectUris: [],
      identityProviders: null,
      requireLocalUser: false,
      requireSecondFactor: false,
      requirePkce: true,
      isEnabled: true,
    },
    organization,
    purposes,
    notice: noticeOf(purposes, organization, 'en', label),
    label,
    labelLanguage: () => undefined,
    identity: undefined,
    places,
    suggested,
    taken: new Set(isTaken ? [suggested.key] : []),
    facts: {
      idp: { isEnabled: true, isAccepted: true, jitEnabled: true, scheme },
      requireLocalUser: false,
      wasAsked: false,
      username: suggested.kind === 'ok' ? 'free' : 'refused',
      missingAttributes: missingAttributes(purposes, profile),
      ...rest,
    },
  }
}

/** The facts about somebody whom nobody knows, at an idp that asks for all three; `change` says what is otherwise. */
export function factsOf(change: Partial<Facts> = {}): Facts {
  const idp = {
    isEnabled: true,
    isAccepted: true,
    jitEnabled: true,
    scheme: 'PROMPT_USERNAME_PASSWORD_CONSENT' as const,
  }
  return { idp, requireLocalUser: false, wasAsked: false, username: 'free', missingAttributes: [], ...change }
}

/** The question of a situation that asks one. */
export function questionOf(situation: Situation): Question {
  const decision = decide(situation.facts)
  if (decision.kind !== 'ask') throw new Error(`This situation asks nothing: ${JSON.stringify(decision)}`)
  return decision
}
