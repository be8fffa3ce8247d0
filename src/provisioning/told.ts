// What people and applications are told of a refusal. Pure. That somebody is locked is for operators to know, unless they let it be said.

/** What stands in place of a reason that nobody is told. */
const NEUTRAL = 'SIGN_IN_REFUSED'

/** The application asked for a newer sign-in than the idp's was: it is told as the standard says (OpenID Connect Core, 3.1.2.1 and 3.1.2.6). */
export const SIGN_IN_OLD = 'SIGN_IN_OLD'

/** Codes of what is known of a person here: whoever took their sign-in at the idp over would learn it, too. */
const OF_A_PERSON = ['USER_LOCKED', 'IDENTITY_LOCKED']

/** The code that a page and an application get for `code`, which the record keeps. There is no page that would say NO_WAY_IN (db/late.ts). */
export function toldFor(code: string, { showFailureReason }: { showFailureReason: boolean }): string {
  return code === 'NO_WAY_IN' || (OF_A_PERSON.includes(code) && !showFailureReason) ? NEUTRAL : code
}
