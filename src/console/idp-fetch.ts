// Fetch settings: what an identity provider says of itself, put into the form, and a list of what it can and cannot do.
import type { Check } from '../login/description.ts'
import type { Inspector } from '../login/inspect.ts'
import type { Problem } from './desk.ts'
import { claimsIn, type IdpForm, scopesIn } from './idp-form.ts'
import { nameFor } from './idp-presets.ts'

export interface Fetched {
  form: IdpForm
  problems: Problem[]
  /** Where the description was found, and what is to be said of it. */
  found?: { address: string; endpoints: [name: string, address: string][]; checklist: Check[] }
}

const CALLED: Record<string, string> = {
  authorization: 'Authorization endpoint',
  token: 'Token endpoint',
  keys: 'Keys (JWKS)',
  userinfo: 'Userinfo endpoint',
  endSession: 'Sign-out endpoint',
}

/** Scopes that are asked for unless the idp says that it does not know them. */
const USUAL = ['profile', 'email']

/** Asks the idp whose address is in the form. Nothing that was typed goes, but the address becomes the issuer's. */
export async function fetchInto(form: IdpForm, hasSecret: boolean, inspector: Inspector): Promise<Fetched> {
  const wanted = { scopes: scopesIn(form.scopes), claims: claimsIn(form), hasSecret }
  const fetched = await inspector.fetchSettings(form.issuer, wanted)
  if (fetched.kind === 'failed') return { form, problems: [{ field: 'issuer', text: fetched.sentence }] }
  const isKnown = (scope: string) => fetched.scopes.length === 0 || fetched.scopes.includes(scope)
  const scopes = wanted.scopes.filter((scope) => !USUAL.includes(scope) || isKnown(scope))
  return {
    form: {
      ...form,
      name: form.name || nameFor(fetched.issuer),
      issuer: fetched.issuer,
      scopes: scopes.join(' '),
    },
    problems: [],
    found: {
      address: fetched.address,
      endpoints: Object.entries(fetched.endpoints).map(([endpoint, address]) => [
        CALLED[endpoint] ?? endpoint,
        address,
      ]),
      checklist: fetched.checklist,
    },
  }
}
