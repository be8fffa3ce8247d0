// Builds the one page that asks: what the person sees of a situation, a question and, after a try, of its problems. Pure.
import type { AttributeValue } from '../db/user-attributes.ts'
import type { Keyring } from '../seal.ts'
import { joinName, PRIMARY } from '../stores/name.ts'
import { PASSWORD_MIN } from '../stores/password-policy.ts'
import type { AttributeOnPage, Message, Problem, PromptPage, PurposeOnPage, ShownValue } from '../web/page.ts'
import type { Item } from './consent.ts'
import { itemsOf } from './consent.ts'
import { isAboutChange } from './decide.ts'
import type { Situation } from './facts.ts'
import type { Kept, Problems } from './form.ts'
import { nameProblem } from './form.ts'
import type { Places } from './place.ts'
import { fieldOf, isAsInUsername } from './place.ts'
import type { LeftEmpty } from './reask.ts'
import { grantedRoles } from './roles.ts'
import type { Question } from './settle.ts'
import { inputFor } from './typed-attributes.ts'

/** 132 bits. */
const MEMORY_CHARACTERS = 22

export interface PageContext {
  action: string
  csrf: string
  sessionDataKey: string
  switchHref: string
  openUntil: Date
  /** Whether the change of a purpose can be put off. */
  mayPutOff: boolean
  memory: string
  /** Addresses: one that keeps the page open, one that tells whether a name is free. */
  stay: string
  status: string
  /** Where somebody new goes who has an account already, if the idp offers that. */
  connectHref?: string
}

/** A try that did not make a user: what was typed, what is wrong with it, and free names to offer. */
export interface Try {
  kept: Kept
  problems: Problems
  suggestions: string[]
  isFirst?: boolean
  /** The question changed while the page was open: nothing was saved, and it is to be read again. */
  isChanged?: boolean
  /** An answer that comes back to whoever gave it, as it did not do. The record of the sign-in counts it. */
  isReturned?: boolean
}

const LEFT_EMPTY: Record<LeftEmpty, Message> = {
  'as-before': { key: 'change.empty.as-before' },
  deleted: { key: 'change.empty.deleted' },
  'kept-elsewhere': { key: 'change.empty.kept-elsewhere' },
  'not-kept': { key: 'change.empty.not-kept' },
}

/** A try with nothing wrong (yet). */
export function tryOf(kept: Kept): Try {
  return { kept, problems: { ticks: {}, typed: {} }, suggestions: [] }
}

/** The codes of what is wrong with a try, each once. */
export function codesOf({ problems, isChanged }: Try): string[] {
  const { username, password, ticks, typed } = problems
  const all = [username, password, ...Object.values(ticks), ...Object.values(typed)].flatMap((one) => one?.key ?? [])
  return [...new Set([...(isChanged ? ['CHANGED'] : []), ...all])]
}

/**
 * The first view: the suggested name as it is, and no box ticked. A name that will not do is an error at once: it is never
 * silently changed, and knowing early saves a try.
 */
export function firstView(situation: Situation, question: Question): Try {
  const { profile, places, suggested, taken, organization } = situation
  const first = tryOf({ username: fieldOf(profile.suggestedUsername, places), ticks: new Set(), typed: {} })
  first.isFirst = true
  const problem = nameProblem(first.kept.username, suggested, { taken, organization: organization.name })
  if (question.ask.username && problem) first.problems.username = problem
  return first
}

/**
 * The name under which a browser may keep what was typed and ticked (ux PR-09): found again by the same person in front of the same words, by
 * nobody else, and telling nothing of them.
 */
export function memoryOf(keyring: Pick<Keyring, 'hash'>, { idp, profile, notice }: Situation): string {
  const hash = keyring.hash('prompt memory', idp.id, profile.issuer, profile.subject, notice.hash)
  return hash.toString('base64url').slice(0, MEMORY_CHARACTERS)
}

/** The page of a question and the try that it shows. */
export function promptPage(situation: Situation, question: Question, context: PageContext, tried: Try): PromptPage {
  const { kept, problems, suggestions } = tried
  const { ask } = question
  const change = isAboutChange(question) ? changeOnPage(situation, context) : undefined
  const purposes = purposesOnPage(situation, kept, problems)
  const username: PromptPage['username'] = ask.username
    ? {
        kind: 'asked',
        value: kept.username,
        suggestions,
        status: context.status,
        hints: storeHints(situation.places),
        ...(problems.username ? { problem: problems.username } : {}),
      }
    : { kind: 'shown', value: shownName(situation), ...(isNameFixed(situation, question) ? { fixed: true } : {}) }
  return {
    application: situation.application.name,
    organization: situation.organization.name,
    idp: situation.idp.displayName,
    heading: headingOf(situation, question, purposes),
    signedInAs: whoIs(situation),
    switchHref: context.switchHref,
    ...connectOnPage(situation, context),
    openUntil: context.openUntil,
    form: {
      action: context.action,
      csrf: context.csrf,
      sessionDataKey: context.sessionDataKey,
      notice: noticeOn(situation, question),
      memory: context.memory,
      stay: context.stay,
    },
    // On the first view nobody has done anything wrong: what is said at the field is enough.
    problems: tried.isFirst ? [] : summary(problems, purposes, ask.username),
    ...(tried.isChanged ? { changed: { key: 'CHANGED' } } : {}),
    username,
    ...(change ? { change } : {}),
    actions: actionsOf(change),
    ...(ask.password
      ? {
          password: {
            min: PASSWORD_MIN,
            again: !tried.isFirst && problems.password === undefined,
            ...(problems.password ? { problem: problems.password } : {}),
          },
        }
      : {}),
    ...(purposes.length > 0
      ? {
          consent: {
            ...(situation.organization.privacyPolicyUrl
              ? { privacyPolicyUrl: situation.organization.privacyPolicyUrl }
              : {}),
            purposes,
          },
        }
      : {}),
    roles: grantedRoles(situation.profile, situation.idp),
  }
}

/** Whoever is known is connected: a change of purposes is no occasion to ask whose account it is. */
function connectOnPage({ idp, facts }: Situation, { connectHref }: PageContext): Pick<PromptPage, 'connectHref'> {
  return connectHref === undefined || !idp.associateLocalUser || facts.user ? {} : { connectHref }
}

function changeOnPage({ purposes }: Situation, { mayPutOff }: PageContext): NonNullable<PromptPage['change']> {
  const days = purposes.flatMap(({ again, inForce }) => (again === 'open' && inForce?.acceptBy) || [])
  const [until] = days.sort()
  return { mayPutOff, ...(until !== undefined && mayPutOff ? { until } : {}) }
}

/** What the two buttons say: first the one that saves. */
function actionsOf(change: PromptPage['change']): PromptPage['actions'] {
  if (!change) return { create: { key: 'actions.create' }, decline: { key: 'actions.decline' } }
  const decline = change.mayPutOff ? 'actions.later' : 'actions.leave'
  return { create: { key: 'actions.save' }, decline: { key: decline } }
}

/** The whole name, by which the person signs in, or will. */
function shownName({ suggested, profile, identity }: Situation): string {
  if (identity) return joinName(identity.store, identity.username)
  return suggested.kind === 'ok' ? suggested.name : profile.suggestedUsername
}

/** Whether the page tells somebody new the id that is to be their username. */
function isNameFixed({ facts }: Situation, question: Question): boolean {
  return facts.username === 'fixed' && !isAboutChange(question)
}

/** What an answer has to bring back: the words that it is one to, and the name that nobody chose. It differs when either does. */
export function noticeOn(situation: Situation, question: Question): string {
  const { notice } = situation
  return isNameFixed(situation, question) ? `${notice.hash}.${shownName(situation)}` : notice.hash
}

/** Where the name goes, unless there is but one place. */
function storeHints(places: Places): Message[] {
  if (!isAsInUsername(places))
    return places.userstore === PRIMARY ? [] : [{ key: 'username.hint.store', values: { store: places.userstore } }]
  const other = places.stores.find(({ name }) => name !== PRIMARY)
  return other === undefined ? [] : [{ key: 'username.hint.domain', values: { store: other.name } }]
}

function headingOf(situation: Situation, question: Question, purposes: PurposeOnPage[]): Message {
  const values = { app: situation.application.name, org: situation.organization.name }
  if (isAboutChange(question)) return { key: 'signup.title.changed', values: { n: purposes.length } }
  if (question.page === 'register') return { key: 'register.title', values }
  if (question.ask.password) return { key: 'signup.title.password', values }
  return { key: purposes.length > 0 ? 'signup.title.consent' : 'signup.title.plain', values }
}

/** By what people recognise who they are at the idp. */
export function whoIs({ profile }: Pick<Situation, 'profile'>): string {
  const email = profile.attributes['email']?.value
  return typeof email === 'string' ? email : profile.suggestedUsername
}

/** Of a situation, what its purposes look like depends on. */
export type Purposeful = Pick<Situation, 'purposes' | 'profile' | 'label' | 'labelLanguage'>

/** The purposes with a row for each attribute. */
export function purposesOnPage(situation: Purposeful, kept: Kept, problems: Problems): PurposeOnPage[] {
  const items = itemsOf(situation.purposes, situation.profile)
  const asked = new Set<string>()
  return situation.purposes.map(({ id, purpose, description, language, leftEmpty = {} }) => ({
    id,
    ...(language === undefined ? {} : { lang: language }),
    purpose,
    description,
    attributes: items
      .filter((item) => item.purposeId === id)
      .map((item) => {
        const row = attributeOnPage(item, situation, kept, problems, asked)
        const empty = leftEmpty[item.attribute]
        const mustTick = item.isNeeded && item.again === 'due'
        return row.box && empty && !mustTick ? { ...row, box: { ...row.box, leftEmpty: LEFT_EMPTY[empty] } } : row
      }),
  }))
}

function attributeOnPage(
  item: Item,
  situation: Purposeful,
  kept: Kept,
  problems: Problems,
  asked: Set<string>,
): AttributeOnPage {
  const { attribute, key } = item
  const sent = item.isSent ? situation.profile.attributes[attribute] : undefined
  const isTyped = item.isNeeded && !item.isSent
  const tickProblem = problems.ticks[key]
  const typedProblem = problems.typed[attribute]
  const lang = situation.labelLanguage(attribute)
  const isFirst = isTyped && !asked.has(attribute)
  if (isTyped) asked.add(attribute)
  return {
    id: `consent-${key.replaceAll(':', '-')}`,
    label: situation.label(attribute),
    ...(lang === undefined ? {} : { lang }),
    needed: item.isNeeded,
    ...(sent ? { value: shown(sent.value) } : {}),
    ...(sent || item.isNeeded
      ? { box: { value: key, ticked: kept.ticks.has(key), ...(tickProblem ? { problem: tickProblem } : {}) } }
      : {}),
    // Needed by two purposes, typed once: at the first.
    ...(isFirst
      ? {
          input: {
            id: `attribute-${attribute}`,
            name: `attribute.${attribute}`,
            value: kept.typed[attribute] ?? '',
            ...inputFor(attribute),
            ...(typedProblem ? { problem: typedProblem } : {}),
          },
        }
      : {}),
  }
}

/** A value as pages show it. */
export function shown(value: AttributeValue): ShownValue {
  if (Array.isArray(value)) return { kind: 'list', items: value }
  if (typeof value === 'object') return { kind: 'text', text: value['formatted'] ?? Object.values(value).join(', ') }
  const text = String(value)
  return /^[12]\d{3}-\d\d-\d\d$/.test(text) ? { kind: 'date', iso: text } : { kind: 'text', text }
}

/** The error summary, in the order of the page. */
function summary(problems: Problems, purposes: PurposeOnPage[], asksUsername: boolean): Problem[] {
  return [
    ...(problems.username && asksUsername ? [{ field: 'username', message: problems.username }] : []),
    ...(problems.password ? [{ field: 'new-password', message: problems.password }] : []),
    ...purposes.flatMap((purpose) =>
      purpose.attributes.flatMap(({ id, box, input }) => [
        ...(box?.problem ? [{ field: id, message: box.problem }] : []),
        ...(input?.problem ? [{ field: input.id, message: input.problem }] : []),
      ]),
    ),
  ]
}
