// The page for an idp that did not do its part.
import type { Idp } from '../db/idps.ts'
import type { BrowserFlow, Flow } from '../flow.ts'
import type { House } from '../house.ts'
import { PageError } from '../web/errors.ts'
import { quote } from './description.ts'
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

/** What went wrong between us and an idp; undefined for any other error. `said` is in the idp's words, or in anybody's: for operators alone. */
export function readFailure(error: unknown): (Pick<Failure, 'code' | 'isDenial'> & { said?: string }) | undefined {
  if (error instanceof ProfileFault) return { code: 'PROFILE_FAULT', isDenial: false }
  if (!(error instanceof IdpFailure)) return undefined
  const { isDenial } = error
  const said = wordsIn(error.cause)
  return {
    code: (isDenial && saidBy(error.cause)) || error.code,
    isDenial,
    ...(said === '' ? {} : { said }),
  }
}

/** Turns what went wrong between us and an idp into a code and its page; undefined for any other error. */
export function failureOf(house: House, idp: Idp, flow: Flow, error: unknown): Failure | undefined {
  const failure = readFailure(error)
  if (!failure) return undefined
  const { code, isDenial } = failure
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

/** Error and description of an answer, from the token endpoint or by the browser. */
function wordsIn(answer: unknown): string {
  const { error, error_description: more } = (answer instanceof Error ? answer : {}) as Record<string, unknown>
  return [error, more]
    .filter((one) => typeof one === 'string')
    .map(quote)
    .join(': ')
}

/** What binds a callback to this departure of this browser: nonce and PKCE verifier follow from the state and the flow cookie. */
export function checksOf(flow: BrowserFlow, state: string) {
  return { state, nonce: flow.nonce(state), codeVerifier: flow.codeVerifier(state) }
}
