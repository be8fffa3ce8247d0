// What is made of a person's answers, wherever they gave them: on our page or on one elsewhere. One copy of every rule.
import { isDeepStrictEqual } from 'node:util'
import { homeOf } from '../db/applications.ts'
import { noteAsked } from '../db/flows.ts'
import type { House } from '../house.ts'
import type { Fields } from '../web/forms.ts'
import type { PromptPage } from '../web/page.ts'
import { grant, itemsOf } from './consent.ts'
import { type Facts, isAboutChange } from './decide.ts'
import type { Situation } from './facts.ts'
import type { Answers, ChangeReading, Kept } from './form.ts'
import { askedOf, keep, nameProblem, readChange, readForm } from './form.ts'
import { createLimit, type Limit } from './limits.ts'
import type { PageContext, Try } from './page.ts'
import { codesOf, firstView, noticeOn, promptPage, tryOf } from './page.ts'
import { isAsInUsername, keptName, type NameReading, type Places, readName } from './place.ts'
import { type Choice, type NewUser, shownOf, signIn } from './provision.ts'
import type { Arrived, Asking } from './settle.ts'
import { askingOf, settle } from './settle.ts'
import { freeNames } from './suggestions.ts'
import { isLikeUniqueId } from './username.ts'

export type Found = Asking & { flow: Arrived }

/** Where a flow starts again, with the same door and idp. */
export type Again = (flowId: string, idpName?: string, options?: { otherAccount: boolean }) => string

export type Reading =
  | { kind: 'answers'; answers: Answers; kept: Kept }
  /** To a change of purposes. */
  | Extract<ChangeReading, { kind: 'choice' }>
  /** The question is to be shown again: it is not the one that was answered, or something is wrong. */
  | { kind: 'again'; tried: Try }

/** The limits of a flow, wherever its page is: wrong answers, and names that were asked about. */
export function limitsOf(house: House): { wrongAnswers: Limit; nameChecks: Limit } {
  return {
    wrongAnswers: createLimit(house, 'answers', { perFlow: 10, perAddress: 30 }),
    nameChecks: createLimit(house, 'username status', { perFlow: 30, perAddress: 120 }),
  }
}

/** Reads the answers to a question. `isItsPage`: they come from the page that asks it. */
export function readAnswers(fields: Fields, { question, situation }: Asking, isItsPage: boolean): Reading {
  const form = askedOf(situation, question)
  const isSameQuestion =
    fields.one('notice') === noticeOn(situation, question) &&
    isItsPage &&
    question.ask.password === fields.names.includes('password')
  if (!isSameQuestion) {
    const { kept } = sameAgain(fields, { situation, question })
    return { kind: 'again', tried: { ...tryOf(kept), isChanged: true } }
  }
  if (question.page === 'signup' && question.ask.username && !fields.names.includes('username')) {
    // The shown name was taken while the page was open: now it is asked for, and the ticks stay.
    return { kind: 'again', tried: { ...sameAgain(fields, { situation, question }), isFirst: true } }
  }
  const reading = isAboutChange(question) ? readChange(fields, form) : readForm(fields, form)
  if (reading.kind !== 'problems') return reading
  const { problems, kept } = reading
  return { kind: 'again', tried: { problems, kept, suggestions: [] } }
}

/** The page as it was: what was typed and ticked, and the suggested name where there was no field for one. */
export function sameAgain(fields: Fields, { situation, question }: Asking): Try {
  const first = firstView(situation, question)
  const kept = keep(fields, askedOf(situation, question))
  // Nor was the id a field, which the page sent along for password managers.
  const isTyped = fields.names.includes('username') && !isLikeUniqueId(kept.username)
  const username = isTyped ? kept.username : first.kept.username
  const tried = username === first.kept.username ? first : tryOf(kept)
  // Whoever had typed a password is told that it has to be typed again.
  return { ...tried, kept: { ...kept, username }, isFirst: fields.one('password') === '' }
}

/** The user that the answers make. Everything not granted is dropped here, and the password hashed; `client` is whose turn that is. */
export async function newUserOf(
  house: House,
  { situation }: Asking,
  answers: Answers,
  client: string,
): Promise<NewUser & Required<Pick<NewUser, 'consent'>>> {
  const { idp, profile, purposes, notice } = situation
  const { attributes, records } = grant(itemsOf(purposes, profile), answers.ticks, profile, answers.typed, idp.id)
  return {
    ...keptName(answers.name),
    passwordHash: answers.password === undefined ? null : await house.passwords.hash(answers.password, client),
    attributes,
    consent: { notice, records },
  }
}

/** What there is to keep of an answer to a change of purposes. */
export function choiceFrom(
  house: House,
  { idp, application, profile, purposes, notice }: Situation,
  { ticks, typed }: Extract<Reading, { kind: 'choice' }>['choice'],
): Choice {
  const items = itemsOf(purposes, profile)
  const { attributes } = grant(items, ticks, profile, typed, idp.id)
  return {
    application,
    notice,
    items,
    ticks,
    typed: attributes.filter(({ origin }) => origin === 'person'),
    shown: shownOf(purposes, house.now()),
  }
}

/** Signs somebody in who is known, with their answer. Undone, with whatever is left to ask, when somebody was quicker. */
export async function saveChoice(house: House, { flow, situation }: Found, choice: Choice): Promise<void> {
  const { idp, facts, identity } = situation
  const isSaved = identity && (await signIn(house, flow, { idp, profile: flow.profile, facts }, identity, choice))
  if (!isSaved) await settle(house, flow)
}

/** The page of a question and a try, which from now on counts as asked. */
export async function pageOf(house: House, found: Found, context: PageContext, tried: Try): Promise<PromptPage> {
  const { flow, question } = found
  const { facts } = found.situation
  // Looking at the same question again is nothing new.
  if (!flow.wasAsked || tried.isReturned || !isKnown(flow.noted?.facts, facts)) {
    const codes = tried.isReturned ? codesOf(tried) : undefined
    await noteAsked(house.db, flow.id, { noted: { facts, decision: question }, codes, now: house.now() })
  }
  if (!flow.wasAsked) house.metrics.flow('asked', flow.labels)
  return pageFor(house, found, context, tried)
}

/** The same page, looked at: nobody was asked. */
export async function pageFor(
  house: House,
  { question, situation }: Asking,
  context: PageContext,
  tried: Try,
): Promise<PromptPage> {
  const { username } = tried.problems
  const suggestions = username ? await freeNames(house.db, situation, tried.kept.username) : []
  return promptPage(situation, question, context, { ...tried, suggestions })
}

/** That somebody was asked makes the same question of it. */
function isKnown(noted: Facts | undefined, facts: Facts): boolean {
  return noted !== undefined && isDeepStrictEqual({ ...noted, wasAsked: true }, { ...facts, wasAsked: true })
}

/** Where somebody goes who is somebody else: to the idp again, by the door's own way; elsewhere, to whoever verified them. */
export function switchAddress({ flow, situation }: Pick<Found, 'flow' | 'situation'>, again: Again): string {
  const way = again(flow.id, situation.idp.name, { otherAccount: true })
  return flow.door.kind === 'application' ? way : (homeOf(situation.application) ?? way)
}

export interface NameStatus {
  available: boolean
  /** The code of what is wrong with it. */
  reason: string | null
  /** Which store it goes to, and what it is there: said only where the name says it. */
  store?: string
  username?: string
}

/** Tells whether a name is free, as the form would; undefined when nobody is asked for one. */
export async function nameStatusOf(house: House, flow: Arrived, name: string): Promise<NameStatus | undefined> {
  const asking = await askingOf(house, flow, name)
  if (!asking?.question.ask.username) return undefined
  const { places, taken, organization } = asking.situation
  const reading = readName(name, places, 'typed')
  const problem = nameProblem(name, reading, { taken, organization: organization.name })
  house.metrics.usernameStatus(problem === undefined)
  house.log.debug({ flow: flow.tag, available: problem === undefined }, 'username status')
  return { available: problem === undefined, reason: problem?.key ?? null, ...placeOf(reading, places) }
}

function placeOf(reading: NameReading, places: Places): { store?: string; username?: string } {
  if (reading.kind === 'problem' || !isAsInUsername(places)) return {}
  return { store: reading.store.name, username: reading.username }
}
