// Reads what a person answered on register.do or signup.do: answers that can be kept, or problems by field. Pure.

import type { PasswordProblem } from '../stores/password-policy.ts'
import { passwordProblem } from '../stores/password-policy.ts'
import type { Fields } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import type { Item } from './consent.ts'
import { itemsOf, missingTicks, mustType } from './consent.ts'
import type { Ask } from './decide.ts'
import type { Situation } from './facts.ts'
import { personalWords } from './personal-words.ts'
import type { FitName, NameReading, Places } from './place.ts'
import { readName } from './place.ts'
import type { Question } from './settle.ts'
import type { TypedAttributes } from './typed-attributes.ts'
import { readTyped } from './typed-attributes.ts'
import type { UsernameProblem } from './username.ts'

/** What was on the page: the server's own view of it, never the form's. */
export interface Asked {
  ask: Ask
  items: Item[]
  missingAttributes: string[]
  /** The name that signup.do shows, when it does not ask for one. */
  suggested: NameReading
  places: Places
  /** Of the names in question, by key, those that somebody has. */
  taken: ReadonlySet<string>
  /** Words that the password of whoever has this username must not be made of. */
  personalWords: (username: string | undefined) => string[]
  organization: string
  /** What people call an attribute. */
  label: (attribute: string) => string
}

/** What a question asks in a situation. */
export function askedOf(situation: Situation, question: Question): Asked {
  const { idp, application, organization, profile, purposes, facts } = situation
  const around = [application.name, idp.displayName, organization.name]
  return {
    ask: question.ask,
    items: itemsOf(purposes, profile),
    missingAttributes: facts.missingAttributes,
    suggested: situation.suggested,
    places: situation.places,
    taken: situation.taken,
    personalWords: (username) => personalWords(username, profile.attributes['email']?.value, around),
    organization: organization.name,
    label: situation.label,
  }
}

/** What to print again: typed values and ticks, never the password. */
export interface Kept {
  username: string
  ticks: ReadonlySet<string>
  typed: Record<string, string>
}

export interface Problems {
  username?: Message
  password?: Message
  /** By item key. */
  ticks: Record<string, Message>
  /** By attribute. */
  typed: Record<string, Message>
}

export interface Answers {
  name: FitName
  password: string | undefined
  ticks: ReadonlySet<string>
  typed: TypedAttributes
}

export type FormReading =
  | { kind: 'answers'; answers: Answers; kept: Kept }
  | { kind: 'problems'; problems: Problems; kept: Kept }

/** What somebody who is known answered to a change of purposes. */
export type ChangeReading =
  | { kind: 'choice'; choice: Pick<Answers, 'ticks' | 'typed'>; kept: Kept }
  | { kind: 'problems'; problems: Problems; kept: Kept }

/** Reads the form. Only what was asked is looked at: a username sent to a page that asks for none is ignored. */
export function readForm(fields: Fields, asked: Asked): FormReading {
  const kept = keep(fields, asked)
  const problems: Problems = { ticks: {}, typed: {} }

  const name = asked.ask.username ? readName(kept.username, asked.places, 'typed') : asked.suggested
  const wrong = nameProblem(kept.username, name, asked)
  if (wrong) problems.username = wrong

  const password = asked.ask.password ? fields.one('password') : undefined
  if (password !== undefined) {
    const words = asked.personalWords(name.kind === 'ok' ? name.username : undefined)
    const problem = passwordProblem(password, words, name.store.policy.password)
    if (problem) problems.password = problemMessage(problem, { org: asked.organization })
  }
  const typed = readConsent(kept, asked, problems)
  if (name.kind === 'problem' || hasProblems(problems)) return { kind: 'problems', problems, kept }
  return { kind: 'answers', answers: { name, password, ticks: kept.ticks, typed }, kept }
}

/** Reads the form of somebody who is known: of a change of purposes, with no name and no password. */
export function readChange(fields: Fields, asked: Asked): ChangeReading {
  const kept = keep(fields, asked)
  const problems: Problems = { ticks: {}, typed: {} }
  const typed = readConsent(kept, asked, problems)
  if (hasProblems(problems)) return { kind: 'problems', problems, kept }
  return { kind: 'choice', choice: { ticks: kept.ticks, typed }, kept }
}

/** What was typed of what is agreed to; what is wrong there, and with the boxes, becomes a problem. */
function readConsent(kept: Kept, asked: Asked, problems: Problems): TypedAttributes {
  for (const item of missingTicks(asked.items, kept.ticks)) {
    const key = item.again ? 'CONSENT_NEEDED_AGAIN' : 'CONSENT_NEEDED'
    problems.ticks[item.key] = { key, values: { attribute: asked.label(item.attribute) } }
  }
  const typed: TypedAttributes = {}
  for (const attribute of asked.missingAttributes.filter((one) => mustType(asked.items, kept.ticks, one))) {
    const reading = readTyped(attribute, kept.typed[attribute] ?? '', asked.label(attribute))
    if ('problem' in reading) problems.typed[attribute] = reading.problem
    else typed[attribute] = reading.value
  }
  return typed
}

/** What the person typed and ticked, of what was asked. */
export function keep(fields: Fields, asked: Asked): Kept {
  const keys = new Set(asked.items.map((item) => item.key))
  return {
    username: typedName(fields),
    ticks: new Set(fields.all('consent').filter((key) => keys.has(key))),
    typed: Object.fromEntries(asked.missingAttributes.map((name) => [name, fields.one(`attribute.${name}`)])),
  }
}

/** The name that was typed. `use` is a suggestion's button: it stands for the typed name, and everything else stays. */
export function typedName(fields: Fields): string {
  return fields.one('use') || fields.one('username')
}

/** What is wrong with a name, in the words of the form; `reading` is its own. The live status says the same. */
export function nameProblem(
  name: string,
  reading: NameReading,
  { taken, organization }: { taken: ReadonlySet<string>; organization: string },
): Message | undefined {
  if (reading.kind === 'problem') return problemMessage(reading.problem, { name, org: organization })
  return taken.has(reading.key) ? takenProblem(reading.name) : undefined
}

/** Somebody has the name, in whatever case or width. */
export function takenProblem(name: string): Message {
  return { key: 'USERNAME_TAKEN', values: { name } }
}

interface ProblemDetails {
  min: number
  max: number
  found: string
  sentence: string
  prefix: string
  list: string[]
}

/** A rule's problem as a message: its code is the key; a bound, lowest or highest, is the sentence's {n}. */
export function problemMessage(problem: UsernameProblem | PasswordProblem, values: Record<string, string>): Message {
  const { code, sentence, list, ...details }: Partial<ProblemDetails> & { code: string } = problem
  const n = details.min ?? details.max
  return {
    key: code,
    ...(sentence === undefined ? {} : { sentence }),
    values: {
      ...values,
      ...(n === undefined ? {} : { n }),
      ...(details.found === undefined ? {} : { found: details.found }),
      ...(details.prefix === undefined ? {} : { prefix: details.prefix }),
      ...(list === undefined ? {} : { list }),
    },
  }
}

function hasProblems(problems: Problems): boolean {
  return (
    problems.username !== undefined ||
    problems.password !== undefined ||
    Object.keys(problems.ticks).length > 0 ||
    Object.keys(problems.typed).length > 0
  )
}
