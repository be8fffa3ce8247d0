// What letters say: what happened to an account, when, and what to do about it. Pure. Law: nothing of the person, and no link that does anything.
import type { MailKind, TakenMail } from '../db/mails.ts'
import type { Contact } from '../web/views.ts'

/** Those that there are words for. A process that is older leaves others to newer ones. */
export const KINDS: readonly MailKind[] = [
  'connected',
  'disconnected',
  'password-set',
  'password-changed',
  'email-changed',
  'signed-out-everywhere',
  'factor-added',
  'factor-removed',
  'factors-reset',
  'backup-codes-made',
  'backup-code-used',
  'second-factor-code',
]

/** Where people sign in to their account; who follows it proves who they are as everybody does. */
const SIGN_IN = '/myaccount/sign-in'

/**
 * Subject and text of a letter.
 * @param say the sentence of a message, in the language of the letter, with the name of the organization for `{org}`
 */
export function writeLetter(
  mail: Pick<TakenMail, 'kind' | 'facts' | 'language' | 'createdAt'> & { code?: string },
  around: { say: (key: string, values?: Record<string, string>) => string; publicUrl: URL; contact: Contact },
): { subject: string; text: string } {
  const { say, publicUrl, contact } = around
  const when = new Intl.DateTimeFormat(mail.language, {
    dateStyle: 'long',
    timeStyle: 'short',
    hourCycle: 'h23',
    timeZone: 'UTC',
  }).format(mail.createdAt)
  const people = [contact.contact, contact.email, contact.phone].filter((line) => line !== undefined)
  const subject = say(`mail.${mail.kind}.subject`, mail.facts)
  const parts = [
    // A code has a line of its own, to be read and copied.
    ...(mail.code === undefined ? [] : [mail.code]),
    `${subject}.\n${say(`mail.${mail.kind}.body`, mail.facts)}.`,
    say('mail.when', { when }),
    // Addresses have lines of their own: from right to left, marks that keep a value apart would become part of a link.
    `${say(mail.code === undefined ? 'mail.footer' : 'mail.footer.code')}\n${new URL(SIGN_IN, publicUrl).href}`,
    ...(people.length > 0 ? [[say('mail.contact'), ...people].join('\n')] : []),
  ]
  return { subject, text: `${parts.join('\n\n')}\n` }
}
