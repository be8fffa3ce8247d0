// The page for an idp that did not do its part.
import type { Idp } from '../db/idps.ts'
import type { BrowserFlow, Flow } from '../flow.ts'
import type { House } from '../house.ts'
import { PageError } from '../web/errors.ts'
import { PRIVATE_ADDRESS } from './guarded-fetch.ts'
import { IdpFailure } from './oidc.ts'
import { ProfileFault } from './profile.ts'
import { loginAgain } from './ways.ts'

export interface Failure {
  /** Of the idp where it says one that is known (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6), else ours. */
  code: string
  isDenial: boolean
  /** 409 for a denial, which is an answer; 502 for an idp that gave none, or a wrong one. */
  page: PageError
}

/** Turns what went wrong between us and an idp into a code and its page; undefined for any other error. */
export function failureOf(house: House, idp: Idp, flow: Flow, error: unknown): Failure | undefined {
  const isProfile = error instanceof ProfileFault
  if (!isProfile && !(error instanceof IdpFailure)) return undefined
  const isDenial = !isProfile && error.isDenial
  const code = isProfile ? 'PROFILE_FAULT' : (isDenial && saidBy(error.cause)) || error.code
  house.log.warn(
    { err: error, idp: idp.name, code, flow: flow.tag },
    code === PRIVATE_ADDRESS
      ? 'idp is at a private address: ALLOW_PRIVATE_IDP=1 allows it'
      : 'idp did not complete the sign-in',
  )
  const page = new PageError(isDenial ? 409 : 502, 'idp', {
    values: { idp: idp.displayName },
    actions: [
      { label: { key: 'action.retry' }, href: loginAgain(flow.id, idp.name) },
      { label: { key: 'action.other' }, href: `${loginAgain(flow.id)}&choose=1` },
    ],
  })
  return { code, isDenial, page }
}

const KNOWN_ANSWERS = new Set(
  `access_denied invalid_request unauthorized_client unsupported_response_type invalid_scope server_error temporarily_unavailable
  interaction_required login_required account_selection_required consent_required`.split(/\s+/),
)

/** What the idp's answer says, if that is a word of the standards: it came by the browser, so it could be anything. */
function saidBy(answer: unknown): string | undefined {
  const said = answer instanceof Error && 'error' in answer ? answer.error : undefined
  return typeof said === 'string' && KNOWN_ANSWERS.has(said) ? said : undefined
}

/** What binds a callback to this departure of this browser: nonce and PKCE verifier follow from the state and the flow cookie. */
export function checksOf(flow: BrowserFlow, state: string) {
  return { state, nonce: flow.nonce(state), codeVerifier: flow.codeVerifier(state) }
}
