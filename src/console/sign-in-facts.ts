// What a sign-in was decided by, fact by fact, in the words of the console. Pure.
import type { Outcome, SignInRecord } from '../db/audit.ts'
import { MODE_LABELS } from './idp-words.ts'

export const OUTCOME_LABELS: Record<Outcome, string> = {
  'user-created': 'New user',
  'sign-in': 'Signed in',
  'sign-in-federated': 'Signed in without a user',
  'sign-in-local': 'Signed in with a password',
  proved: 'Confirmed who they are',
  connected: 'Connected an identity provider',
  declined: 'Declined',
  refused: 'Refused',
  'idp-denied': 'Denied by the identity provider',
  'idp-failed': 'Identity provider failed',
  expired: 'Time was up',
}

const DOORS: Record<NonNullable<SignInRecord['door']>, string> = {
  'flow-api': 'Flow API',
  'my-account': 'My Account',
  connecting: 'Proof for connecting a user',
}

const COUNTS: Record<string, string> = {
  attributes: 'Attributes kept',
  roles: 'Roles granted',
  changed: 'Attributes changed',
  removed: 'Attributes removed',
  granted: 'Roles granted',
  withdrawn: 'Roles withdrawn',
}

const FACTOR_STEPS = { show: 'Not shown yet', enrol: 'To be set up' }

const USERNAMES = { free: 'Free', taken: 'Taken', refused: 'Against the rules', fixed: 'The federated unique id' }

/** The facts of a record that people would ask for, in order; only those that it has. */
export function factsOf(record: SignInRecord): { label: string; value: string }[] {
  const { verdict, asked, problemCodes } = record
  const all: [label: string, value: string | undefined][] = [
    ['Outcome', OUTCOME_LABELS[record.outcome]],
    ['Refused because of', record.refusal],
    ['Before that', record.late && OUTCOME_LABELS[record.late]],
    ['Failed with', record.failure],
    ['Mode', record.mode && MODE_LABELS[record.mode]],
    ['Door', record.door && DOORS[record.door]],
    ...(verdict ? factsOfVerdict(verdict) : []),
    ['Asked for', asked && askedFor(asked)],
    ['Form came back', record.cameBack > 0 ? `${record.cameBack} ×, ${problemCodes.join(', ')}` : undefined],
    ['Store', record.store],
    ...Object.entries(record.counts).map(([name, count]): [string, string] => [
      Object.hasOwn(COUNTS, name) ? String(COUNTS[name]) : name,
      String(count),
    ]),
  ]
  return all.flatMap(([label, value]) => (value === undefined ? [] : [{ label, value }]))
}

function factsOfVerdict({ facts }: NonNullable<SignInRecord['verdict']>): [string, string | undefined][] {
  const { idp, user } = facts
  return [
    ['Identity provider turned on', yesNo(idp.isEnabled)],
    ['Taken by the application', yesNo(idp.isAccepted)],
    ['Application requires a user here', yesNo(facts.requireLocalUser)],
    ['A second factor is required', facts.requireSecondFactor && 'Yes'],
    ['Known here', yesNo(user !== undefined)],
    ['Identity locked', facts.isIdentityLocked && 'Yes'],
    ['User locked', user && yesNo(user.isLocked)],
    ['Second factor', user?.secondFactor && FACTOR_STEPS[user.secondFactor]],
    ['Suggested username', user ? undefined : USERNAMES[facts.username]],
    ['Needed and not sent', facts.missingAttributes.length > 0 ? facts.missingAttributes.join(', ') : undefined],
    ['A user keeps their verified e-mail address', facts.mayBeKnown && 'Yes'],
    ['Had seen the question before', user ? undefined : yesNo(facts.wasAsked)],
  ]
}

function askedFor({ page, username, password }: NonNullable<SignInRecord['asked']>): string {
  const what = [...(username ? ['username'] : []), ...(password ? ['password'] : []), 'consent']
  return `${what.join(', ')} (${page}.do)`
}

function yesNo(is: boolean): string {
  return is ? 'Yes' : 'No'
}
