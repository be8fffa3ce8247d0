// The four people of the demonstration and what their identity provider says of them. Pure; nobody here is real.
import { createHash } from 'node:crypto'

export const modes = ['none', 'silent', 'consent', 'password', 'username'] as const

/** How the identity provider that a person came through is set up: the ladder of provisioning modes. */
export type Mode = (typeof modes)[number]

export interface Persona {
  name: string
  givenName: string
  familyName: string
  department: string
  emailVerified: boolean
  phoneNumber?: string
  groups?: string[]
  /** One line for the sign-in page: what this person is there to show. */
  shows: string
}

// The phone numbers are of those that Ofcom keeps free for drama, so that a demonstration never rings at somebody's home.
export const personas: Persona[] = [
  {
    name: 'asha',
    givenName: 'Asha',
    familyName: 'Rao',
    department: 'Engineering',
    emailVerified: true,
    phoneNumber: '+447700900121',
    groups: ['acme-engineers'],
    shows: 'Everything is sent: name, e-mail address, phone number, department and a group.',
  },
  {
    name: 'ben',
    givenName: 'Ben',
    familyName: 'Okafor',
    department: 'Sales',
    emailVerified: true,
    shows: 'No phone number is sent.',
  },
  {
    name: 'chen',
    givenName: 'Chen',
    familyName: 'Wei',
    department: 'Finance',
    emailVerified: true,
    phoneNumber: '+447700900123',
    shows: 'Everything is sent, but somebody else has this username already.',
  },
  {
    name: 'dora',
    givenName: 'Dora',
    familyName: 'Lindqvist',
    department: 'Engineering',
    emailVerified: false,
    phoneNumber: '+447700900124',
    groups: ['acme-engineers'],
    shows: 'The e-mail address was never verified.',
  },
]

/**
 * What the identity provider of a mode asserts about a persona, by the names of OpenID Connect Core 1.0 section 5.1
 * and two custom claims, `department` and `groups`. Which of these reach an application is a matter of scopes, not decided here.
 */
export function claimsOf(person: Persona, mode: string): { sub: string; [claim: string]: string | boolean | string[] } {
  return {
    sub: subjectOf(person),
    preferred_username: usernameOf(person.name, mode),
    name: `${person.givenName} ${person.familyName}`,
    given_name: person.givenName,
    family_name: person.familyName,
    email: `${person.name}@acme.example`,
    email_verified: person.emailVerified,
    ...(person.phoneNumber === undefined ? {} : { phone_number: person.phoneNumber }),
    department: person.department,
    ...(person.groups === undefined ? {} : { groups: person.groups }),
  }
}

/** The username that the identity provider of a mode suggests for a persona. */
export function usernameOf(personaName: string, mode: string): string {
  return `${personaName}-${mode}`
}

/**
 * The persona's subject, the same in every mode and after a restart. It looks like what providers send, so that nobody takes
 * it for a username.
 */
export function subjectOf(person: Persona): string {
  return createHash('sha256').update(person.name).digest('hex').slice(0, 32)
}
