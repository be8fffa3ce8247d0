// What would happen to a profile if its person came now: facts, decision and page by the code of a real sign-in. Changes nothing.
import { type Application, acceptsIdp, listApplications } from '../db/applications.ts'
import type { Idp } from '../db/idps.ts'
import type { House } from '../house.ts'
import type { Profile } from '../login/profile.ts'
import type { PromptPage } from '../web/page.ts'
import { pageFor } from './answers.ts'
import { type Decision, decide, type Facts } from './decide.ts'
import { type Situation, situationFor } from './facts.ts'
import { nameProblem } from './form.ts'
import { firstView, type PageContext } from './page.ts'
import { mayPutOff } from './settle.ts'

/** Something that an operator should know, in English. What it quotes is plain text, and may be anything. */
export interface Warning {
  code:
    | ('idp-off' | 'application-none' | 'application-off' | 'application-other' | 'local-user-required')
    | ('claim-missing' | 'claim-unfit' | 'username-claim-missing' | 'roles-claim-missing' | 'email-not-verified')
    | ('username-refused' | 'username-taken' | 'attribute-missing')
  sentence: string
}

export interface Rehearsal {
  /** Absent: no application accepts the idp, and one is made up that would. */
  application?: { clientId: string; name: string }
  username: {
    /** What the idp suggests. */
    suggested: string
    store: string
    state: Facts['username']
    /** The name as it would be kept, with its store where that is part of it; absent when it is refused. */
    name?: string
    /** The code of what is wrong with it. */
    problem?: string
  }
  /** The user that this person is already. */
  user?: { id: string; isLocked: boolean }
  facts: Facts
  decision: Decision
  warnings: Warning[]
  /** The page that the person would see first, and where that is; `view` draws it. */
  page?: { view: 'register' | 'signup'; page: PromptPage; elsewhere?: string }
}

export interface RehearsalOptions {
  /** Where the person would come from. Absent: whichever application accepts the idp. */
  application?: Application | undefined
  /** The language of the page; English if left out. */
  language?: string
}

/**
 * Rehearses the arrival of a profile at an idp, which need not be saved (its id is then any UUID that is nobody's). One that is off is
 * judged as if it were on, and a warning says so.
 */
export async function rehearseArrival(
  house: House,
  idp: Idp,
  profile: Profile,
  { application, language = 'en' }: RehearsalOptions = {},
): Promise<Rehearsal> {
  const accepting = application ? [application] : await acceptingApplications(house, idp)
  // Among several, one that does not need a local user: the others are told of.
  const chosen = accepting.find(({ requireLocalUser }) => !requireLocalUser) ?? accepting[0]
  const arrival = { idp: { ...idp, isEnabled: true }, application: chosen ?? MADE_UP, language, wasAsked: false }
  const situation = await situationFor(house, arrival, profile)
  const { facts, suggested } = situation
  const decision = decide(facts)
  return {
    ...(chosen ? { application: { clientId: chosen.clientId, name: chosen.name } } : {}),
    username: {
      suggested: profile.suggestedUsername,
      store: suggested.store.name,
      state: facts.username,
      ...(suggested.kind === 'ok' ? { name: suggested.name } : { problem: suggested.problem.code }),
    },
    ...(facts.user ? { user: facts.user } : {}),
    facts,
    decision,
    warnings: [
      ...(idp.isEnabled ? [] : [warning('idp-off', `${idp.displayName} is off: until it is on, people are refused.`)]),
      ...applicationWarnings(idp, application, accepting, decision),
      ...usernameWarnings(house, situation),
      ...attributeWarnings(situation, decision),
    ],
    ...(decision.kind === 'ask' ? { page: await pageOfRehearsal(house, situation, decision) } : {}),
  }
}

/**
 * The page that somebody new with this profile would see in the mode of an idp, as if their name were free; undefined where nobody is asked. Of
 * the idp, whose id may be any UUID that is nobody's, all but its state counts.
 */
export async function rehearseMode(house: House, idp: Idp, profile: Profile): Promise<Rehearsal['page']> {
  const arrival = { idp: { ...idp, isEnabled: true }, application: MADE_UP, language: 'en', wasAsked: false }
  const situation = { ...(await situationFor(house, arrival, profile)), taken: new Set<string>() }
  const { mayBeKnown: _, ...facts } = situation.facts
  const decision = decide({ ...facts, username: facts.username === 'fixed' ? 'fixed' : 'free' })
  return decision.kind === 'ask' ? pageOfRehearsal(house, situation, decision) : undefined
}

/** Stands in where no application accepts the idp yet. */
const MADE_UP: Application = {
  id: '',
  clientId: '',
  name: 'Your application',
  clientSecretSealed: null,
  grantTypes: [],
  scopes: [],
  redirectUris: [],
  postLogoutRedirectUris: [],
  identityProviders: null,
  requireLocalUser: false,
  requireSecondFactor: false,
  requirePkce: true,
  isEnabled: true,
}

async function acceptingApplications(house: House, idp: Idp): Promise<Application[]> {
  const all = await listApplications(house.db)
  // Those that act for themselves alone send nobody.
  return all.filter((one) => one.grantTypes.includes('authorization_code') && acceptsIdp(one, idp.name))
}

async function pageOfRehearsal(
  house: House,
  situation: Situation,
  question: Extract<Decision, { kind: 'ask' }>,
): Promise<NonNullable<Rehearsal['page']>> {
  // There is no flow: the form leads nowhere, keeps nothing in the browser and asks for no name.
  const context: PageContext = {
    action: house.settings().prompts[question.page],
    csrf: '',
    sessionDataKey: '',
    switchHref: '',
    openUntil: new Date(house.now().getTime() + house.flowMinutes * 60_000),
    mayPutOff: mayPutOff(situation.facts, undefined),
    memory: '',
    stay: '',
    status: '',
    connectHref: '',
  }
  const page = await pageFor(house, { situation, question }, context, firstView(situation, question))
  const elsewhere = house.settings().elsewhere[question.page]
  return { view: question.page, page, ...(elsewhere === undefined ? {} : { elsewhere }) }
}

function applicationWarnings(
  idp: Idp,
  wanted: Application | undefined,
  accepting: Application[],
  decision: Decision,
): Warning[] {
  if (wanted && !wanted.isEnabled) return [warning('application-off', `${wanted.name} is off.`)]
  if (wanted && !acceptsIdp(wanted, idp.name))
    return [warning('application-other', `${wanted.name} does not accept people of ${idp.displayName}.`)]
  if (accepting.length === 0)
    return [warning('application-none', `No application accepts people of ${idp.displayName} yet.`)]
  const refusing = accepting.filter(({ requireLocalUser }) => requireLocalUser)
  if (decision.kind !== 'sign-in-federated' || refusing.length === 0) return []
  const names = refusing.map(({ name }) => name).join(', ')
  return [warning('local-user-required', `These applications need people to have an account here: ${names}.`)]
}

/** In the words of the page that would say it. */
function usernameWarnings(house: House, { profile, suggested, taken, organization, facts }: Situation): Warning[] {
  // Whoever is known keeps the name that they have, and what nobody chooses is neither taken nor refused.
  if (facts.user || !facts.idp.jitEnabled || facts.username === 'fixed') return []
  const problem = nameProblem(profile.suggestedUsername, suggested, { taken, organization: organization.name })
  if (!problem) return []
  const code = facts.username === 'taken' ? 'username-taken' : 'username-refused'
  return [warning(code, house.views.t(problem, 'en'))]
}

function attributeWarnings({ facts, profile, label }: Situation, decision: Decision): Warning[] {
  const email = profile.attributes['email']
  const missing = decision.kind === 'ask' ? facts.missingAttributes : []
  return [
    ...(email && email.verified !== true
      ? [warning('email-not-verified', 'The idp does not say that it checked the e-mail address.')]
      : []),
    ...missing.map((attribute) =>
      warning('attribute-missing', `${label(attribute)} is needed and was not sent: the person has to type it.`),
    ),
  ]
}

/** A warning of this kind. */
export function warning(code: Warning['code'], sentence: string): Warning {
  return { code, sentence }
}
