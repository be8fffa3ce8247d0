// The words that a password may not be made of, whoever sets it and wherever. Pure.
import { canonicalForm } from './username.ts'

/**
 * The username as it is typed and as it is compared, the mailbox of the e-mail address, and `around`: what people know the organisation by, and
 * the application and idp where they come from some (ux PR-22).
 */
export function personalWords(username: string | undefined, email: unknown, around: string[]): string[] {
  const own = username === undefined ? [] : [username, canonicalForm(username)]
  const mailbox = typeof email === 'string' ? [email.split('@')[0] ?? ''] : []
  return [...own, ...mailbox, ...around]
}

/** The same of a user, by what is kept of them. */
export function wordsOfUser(
  username: string,
  attributes: { name: string; value: unknown }[],
  organization: string,
): string[] {
  return personalWords(username, attributes.find(({ name }) => name === 'email')?.value, [organization])
}
