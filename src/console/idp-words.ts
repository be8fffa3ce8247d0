// What the console says of identity providers: the labels of the reference, and for each choice what people will see. Pure.
import type { Mode } from '../db/audit.ts'
import type { Scheme } from '../db/idps.ts'

/** The exact labels of the reference's console. */
export const MODE_LABELS: Record<Mode, string> = {
  NONE: 'No Provisioning',
  PROMPT_USERNAME_PASSWORD_CONSENT: 'Prompt for username, password, and consent',
  PROMPT_PASSWORD_CONSENT: 'Prompt for password and consent',
  PROMPT_CONSENT: 'Prompt for consent',
  PROVISION_SILENTLY: 'Provision silently',
}

/** In the order in which they are offered. */
export const SCHEMES = [
  'PROMPT_USERNAME_PASSWORD_CONSENT',
  'PROMPT_PASSWORD_CONSENT',
  'PROMPT_CONSENT',
  'PROVISION_SILENTLY',
] as const satisfies readonly Scheme[]

export const SYNC_METHODS = [
  ['OVERRIDE_ALL', 'Update', 'What is kept becomes what they send; what they send no more is removed'],
  ['PRESERVE_LOCAL', 'Update, and remove nothing', 'What is kept becomes what they send; what they send no more stays'],
  ['NONE', 'Leave as it was', 'What was kept when the account was made stays as it is'],
] as const

/** As the reference's console has it; what it does is something else, and said beside it. */
export const ASSOCIATE = {
  label: 'Associate provisioned users with existing local users',
  hint: `Somebody new, whose e-mail address is verified both by this identity provider and in an account here, is asked whether that account is
theirs (associateLocalUser). They are connected only after they sign in to it; an address alone never connects anybody. Turn this on only if you
trust the identity provider to check addresses: who has one there learns whether it is used here.`.replaceAll(
    '\n',
    ' ',
  ),
}

const number = new Intl.NumberFormat('en-GB')

/** What No Provisioning means for people who are here and people who are not. */
export function noProvisioningEffect(people: number): string {
  const keep = people === 1 ? '1 existing person keeps theirs' : `${number.format(people)} existing people keep theirs`
  return `New people sign in without an account here; nothing about them is kept. ${keep}.`
}

export interface SchemeFacts {
  idp: string
  usernameClaim: string
  /** The attributes that are read from claims, as people call them. */
  attributes: readonly string[]
  /** How many consent purposes there are that are on. */
  purposes: number
}

/** What people see in a mode, and what of them is stored. */
export function schemeEffect(scheme: Scheme, { idp, usernameClaim, attributes, purposes }: SchemeFacts): string {
  const ticked =
    purposes === 0
      ? `whichever details of ${idp} they tick for "Create your account", for there is no consent purpose yet`
      : 'the details that they tick in the consent purposes'
  const code = `${idp}'s code for them`
  switch (scheme) {
    case 'PROMPT_USERNAME_PASSWORD_CONSENT':
      return `People pick a username, set a password and choose what you keep. Stored: both, the password as a hash, ${code}, and ${ticked}.`
    case 'PROMPT_PASSWORD_CONSENT':
      return `Username comes from "${usernameClaim}"; people set a password and choose what you keep. Stored: both, the password as a hash, ${code}, and ${ticked}.`
    case 'PROMPT_CONSENT':
      return `No password: people can only sign in through ${idp}. Stored: the username, ${code}, and ${ticked}.`
    case 'PROVISION_SILENTLY': {
      const all = attributes.length === 0 ? '' : `, plus all of these that it sends: ${attributes.join(', ')}`
      return `Nobody is asked. Only the username and ${idp}'s code are stored${all}. What a person refused or withdrew stays away.`
    }
  }
}

/** What follows from turning an identity provider off, or on. */
export function switchEffect(isEnabled: boolean, idp: string, people: number): string {
  if (!isEnabled) return `People are offered ${idp} again as soon as it is on.`
  const off = `Turned off, ${idp} is offered to nobody and nobody gets in by it, at once.`
  if (people === 0) return `${off} These settings stay.`
  const stay = people === 1 ? 'The 1 person who has it stays' : `The ${number.format(people)} people who have it stay`
  return `${off} ${stay} as they are, and so do these settings.`
}

/** How many attributes are read from claims. */
export function mappedAttributes(count: number): string {
  if (count === 0) return 'No attribute is mapped'
  return count === 1 ? '1 attribute is mapped' : `${number.format(count)} attributes are mapped`
}
