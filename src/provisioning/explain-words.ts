// The words of sentences about sign-ins: what codes mean, and how a sentence is put together. Pure.

// biome-ignore format: one row, one line
const GLOSSES: [code: RegExp, gloss: string][] = [
  [/^USERNAME_TAKEN$/, 'the username was taken'],
  [/^(USERNAME|STORE)_/, 'the username was against the rules'],
  [/^PW_/, 'the password was against the rules'],
  [/^CONSENT_NEEDED(_AGAIN)?$/, 'a needed box was not ticked'],
  [/^ATTR_/, 'a needed detail was missing or in the wrong format'],
  [/^CHANGED$/, 'the question had changed'],
  [/^SIGNIN_FAILED$/, 'the username or the password was wrong'],
  [/^LINK_FAILED$/, 'the username or the password of the user to connect was wrong'],
  [/^FACTOR_WRONG$/, 'a code of the second factor was wrong'],
  [/^TOO_MANY$|^LINK_LOCKED$/, 'there had been too many tries'],
]

/** What the codes of problems mean, each meaning once. */
export function glossesOf(codes: string[]): string[] {
  return [...new Set(codes.flatMap((code) => GLOSSES.find(([pattern]) => pattern.test(code))?.[1] ?? []))]
}

// biome-ignore format: one row, one line
const FAILURES: [code: RegExp, gloss: string][] = [
  [/^(IDP|OAUTH)_TIMEOUT$/, 'it took too long'],
  [/CERT|TLS|SSL|LEAF/, 'its certificate is not trusted'],
  [/^(E[A-Z]|UND_ERR_)/, 'it could not be reached'],
  [/^IDP_ISSUER_OTHER$/, 'it calls itself by another name than the configured issuer'],
  [/^IDP_ANSWER_TOO_LONG$/, 'its answer was too long'],
  [/^IDP_SIGN_IN_OLD$/, 'a new sign-in was asked for, and it knew them already or did not say since when'],
  [/^PROFILE_FAULT$/, 'what it says of the person cannot be used'],
]

/** Why an idp failed, as the end of a sentence. */
export function failureIn(code: string | undefined): string {
  if (code === undefined) return ''
  const gloss = FAILURES.find(([pattern]) => pattern.test(code))?.[1]
  return gloss ? `: ${gloss} (${code})` : ` (${code})`
}

/** How often. */
export function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`
}

/** Codes as they are on pages, for whoever looks them up. */
export function inBrackets(codes: string[]): string {
  return codes.length > 0 ? ` (${codes.join(', ')})` : ''
}

const conjunction = new Intl.ListFormat('en-GB', { type: 'conjunction' })

/** A, B and C. */
export function list(items: string[]): string {
  return conjunction.format(items)
}

/** Our own words begin a sentence with a capital; a name stays as it is written. */
export function capital(text: string): string {
  return text.replace(/^(an?|they|the|their) /, (word) => word.charAt(0).toUpperCase() + word.slice(1))
}

/** Those sentences that there are, each with its full stop. */
export function paragraph(...sentences: (string | undefined)[]): string {
  return sentences
    .filter((sentence) => sentence !== undefined)
    .map((sentence) => `${sentence}.`)
    .join(' ')
}
