// The page for an idp that did not do its part.
import type { Idp } from '../db/idps.ts'
import type { BrowserFlow, Flow } from '../flow.ts'
import type { House } from '../house.ts'
import { PageError } from '../web/errors.ts'
import { PRIVATE_ADDRESS } from './guarded-fetch.ts'
import { IdpFailure } from './oidc.ts'
import { ProfileFault } from './profile.ts'
import { loginAgain } from './ways.ts'

/** Turns what went wrong between us and an idp into its page (502); any other error comes back as it is. */
export function failureOf(house: House, idp: Idp, flow: Flow, error: unknown): unknown {
  const isProfile = error instanceof ProfileFault
  if (!isProfile && !(error instanceof IdpFailure)) return error
  const code = isProfile ? 'PROFILE_FAULT' : error.code
  house.log.warn(
    { err: error, idp: idp.name, code, flow: flow.tag },
    code === PRIVATE_ADDRESS
      ? 'idp is at a private address: ALLOW_PRIVATE_IDP=1 allows it'
      : 'idp did not complete the sign-in',
  )
  // Cancelling there is an answer; 502 is for an idp that gave none, or a wrong one.
  const status = !isProfile && error.isDenial ? 409 : 502
  return new PageError(status, 'idp', {
    values: { idp: idp.displayName },
    actions: [
      { label: { key: 'action.retry' }, href: loginAgain(flow.id, idp.name) },
      { label: { key: 'action.other' }, href: `${loginAgain(flow.id)}&choose=1` },
    ],
  })
}

/** What binds a callback to this departure of this browser: nonce and PKCE verifier follow from the state and the flow cookie. */
export function checksOf(flow: BrowserFlow, state: string) {
  return { state, nonce: flow.nonce(state), codeVerifier: flow.codeVerifier(state) }
}
