// Why something is decided at a sign-in, in half a sentence of plain English, and what somebody is asked. Pure.
import type { Asked } from '../db/audit.ts'
import { type Ask, type Decision, type Facts, isAboutChange, type RefusalCode } from './decide.ts'
import { list } from './explain-words.ts'

/** What people call the idp and the application. */
export interface Names {
  idp: string
  application: string
}

/** What the settings and the person were like when it was decided, or are like now. */
export function causeOf(facts: Facts, decision: Decision, { idp, application }: Names, be: 'was' | 'is'): string {
  switch (decision.kind) {
    case 'sign-in':
      return `${userOf(be)} not locked`
    case 'sign-in-federated':
      return `${idp} has No Provisioning and ${application} takes people without a user here`
    case 'create':
      return facts.username === 'fixed'
        ? `${idp} provisions silently and the username ${be} their federated unique id`
        : `${idp} provisions silently and the username that it suggests ${be} free`
    case 'refuse':
      return refusalOf(facts, decision.because, { idp, application }, be)
    case 'ask':
      return isAboutChange(decision) ? changeOf(facts) : questionOf(facts, decision.ask, idp, be)
    case 'second-factor':
      if (decision.step === 'show') return `their user ${be === 'was' ? 'had' : 'has'} a second factor`
      return `a second factor ${be} required and they ${be === 'was' ? 'had' : 'have'} none`
    case 'offer':
      return `a user here ${be === 'was' ? 'kept' : 'keeps'} the e-mail address that ${idp} verified`
    default:
      return decision satisfies never
  }
}

function userOf(be: 'was' | 'is'): string {
  return be === 'was' ? 'their user was' : 'they have a user here that is'
}

function refusalOf(facts: Facts, code: RefusalCode, names: Names, be: 'was' | 'is'): string {
  const { idp, requireLocalUser, requireSecondFactor } = facts
  const isForFactor = requireSecondFactor === true && !requireLocalUser
  switch (code) {
    case 'IDP_OFF':
      return idp.isEnabled
        ? `${names.application} ${be} turned off or takes nobody from ${names.idp}`
        : `${names.idp} ${be} turned off here`
    case 'IDENTITY_LOCKED':
      return `their identity at ${names.idp} ${be} locked`
    case 'USER_LOCKED':
      return `${userOf(be)} locked`
    case 'LOCAL_USER_REQUIRED':
      return isForFactor
        ? `${names.idp} has No Provisioning and a second factor ${be} required, which only a user has`
        : `${names.idp} has No Provisioning and ${names.application} takes only people who have a user here`
    case 'USERNAME_TAKEN':
      return `${names.idp} provisions silently and the username that it suggests ${be} taken`
    case 'USERNAME_POLICY':
      return `${names.idp} provisions silently and the username that it suggests ${be} against the rules`
    default:
      return code satisfies never
  }
}

function questionOf(facts: Facts, ask: Ask, idp: string, be: 'was' | 'is'): string {
  const isSilent = facts.idp.scheme === 'PROVISION_SILENTLY'
  const why = isSilent
    ? `${idp} provisions silently by now but they have seen the question`
    : `${idp} asks for ${list(asksOf(ask, facts))}`
  const suggested = `the username that it suggests ${be}`
  const name = {
    free: [],
    taken: [`${suggested} taken`],
    refused: [`${suggested} against the rules`],
    fixed: [`the username ${be} their federated unique id`],
  }
  const missing = facts.missingAttributes.length > 0 ? [`it does not send ${list(facts.missingAttributes)}`] : []
  return list([why, ...name[facts.username], ...missing])
}

/** What somebody who is known is asked about. */
function changeOf({ user }: Facts): string {
  const { purposes = [], isDue } = user?.askedAgain ?? {}
  const one = purposes.length === 1 ? `the purpose ${purposes[0]} changed since they were last shown it` : undefined
  const changed = one ?? `the purposes ${list(purposes)} changed since they were last shown them`.replace('  ', ' ')
  return isDue ? `${changed} and cannot be put off any more` : changed
}

/** What the scheme asks for: a username that is asked for because the suggested one will not do has a reason of its own. */
function asksOf({ username, password }: Ask, { idp }: Facts): string[] {
  const isOfTheScheme = username && idp.scheme === 'PROMPT_USERNAME_PASSWORD_CONSENT'
  return [...(isOfTheScheme ? ['username'] : []), ...(password ? ['password'] : []), 'consent']
}

/** What would come of it now. */
export function prospectOf(decision: Decision): string {
  switch (decision.kind) {
    case 'sign-in':
      return 'they would be signed in as that user'
    case 'sign-in-federated':
      return 'they would be let in without one, and nothing about them would be kept'
    case 'create':
      return 'a user would be made without a question'
    case 'refuse':
      return `they would be refused (${decision.because})`
    case 'ask':
      return `${pageOf(decision)} would ask`
    case 'second-factor':
      return decision.step === 'show' ? 'they would be asked for it' : 'they would be asked to set one up'
    case 'offer':
      return 'they would be asked whether that user is theirs, and to sign in to it'
    default:
      return decision satisfies never
  }
}

/** The page as it is called in documents and addresses. */
export function pageOf({ page }: Pick<Asked, 'page'>): string {
  return `${page}.do`
}
