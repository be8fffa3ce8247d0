// Answers that were given on a page elsewhere, on their way back: they count in the browser whose flow it is, and in no other.
import { giveKey, lookAtKey, spendKey } from '../flow-keys.ts'
import type { House } from '../house.ts'
import { type Found, newUserOf, type Reading } from './answers.ts'
import { isAboutChange } from './decide.ts'
import type { NewUser } from './provision.ts'
import type { Asking } from './settle.ts'
import type { TypedAttributes } from './typed-attributes.ts'

/** What answers come to: a user, or what somebody who is known chose. */
export type Returned = { page: 'register' | 'signup' } & (
  | { kind: 'user'; user: NewUser & Required<Pick<NewUser, 'consent'>> }
  | { kind: 'choice'; notice: string; ticks: string[]; typed: TypedAttributes }
)

/** Keeps what answers come to, sealed, for the minute that the browser takes to come back with the key. Undefined when the flow is over. */
export async function keepAnswers(
  house: House,
  found: Found,
  reading: Exclude<Reading, { kind: 'again' }>,
  client: string,
): Promise<string | undefined> {
  const { page } = found.question
  const returned: Returned =
    reading.kind === 'answers'
      ? { page, kind: 'user', user: await newUserOf(house, found, reading.answers, client) }
      : {
          page,
          kind: 'choice',
          notice: found.situation.notice.hash,
          ...reading.choice,
          ticks: [...reading.choice.ticks],
        }
  return giveKey(house, found.flow.id, 'answer', JSON.stringify(returned))
}

/**
 * What came of the answers that this browser came back with; 'taken' when it came back with them before and is being answered. Undefined for none,
 * for another flow's, and for answers to what is not the question any more.
 */
export async function takeAnswers(house: House, found: Found, key: unknown): Promise<Returned | 'taken' | undefined> {
  const brought = await lookAtKey(house, 'answer', key)
  if (brought?.content === undefined || brought.flowId !== found.flow.id) return undefined
  // One that an earlier release kept, a minute ago at most, says of no kind: it was a user.
  const returned: Returned = { kind: 'user', ...JSON.parse(brought.content) }
  if (!isStillAsked(found, returned)) return undefined
  return (await spendKey(house, brought)) ? returned : 'taken'
}

/** The same words on the same page, the same things asked, and the name that is shown, where none is asked for. */
function isStillAsked({ question, situation }: Asking, returned: Returned): boolean {
  const { suggested, notice } = situation
  const { page } = returned
  if (returned.kind === 'choice')
    return isAboutChange(question) && page === question.page && notice.hash === returned.notice
  const { user } = returned
  const isName =
    question.ask.username ||
    (suggested.kind === 'ok' && suggested.store.name === user.store && suggested.canonical === user.canonical)
  return (
    page === question.page &&
    notice.hash === user.consent.notice.hash &&
    question.ask.password === (user.passwordHash !== null) &&
    isName
  )
}
