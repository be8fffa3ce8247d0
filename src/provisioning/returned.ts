// Answers that were given on a page elsewhere, on their way back: they count in the browser whose flow it is, and in no other.
import { giveKey, lookAtKey, spendKey } from '../flow-keys.ts'
import type { House } from '../house.ts'
import { type Found, newUserOf } from './answers.ts'
import type { Answers } from './form.ts'
import type { NewUser } from './provision.ts'
import type { Asking } from './settle.ts'

interface Returned {
  page: 'register' | 'signup'
  user: NewUser & Required<Pick<NewUser, 'consent'>>
}

/** Keeps the user that answers make, sealed, for the minute that the browser takes to come back with the key. Undefined when the flow is over. */
export async function keepAnswers(
  house: House,
  found: Found,
  answers: Answers,
  client: string,
): Promise<string | undefined> {
  const user = await newUserOf(house, found, answers, client)
  const returned: Returned = { page: found.question.page, user }
  return giveKey(house, found.flow.id, 'answer', JSON.stringify(returned))
}

/**
 * The user of the answers that this browser came back with; 'taken' when it came back with them before and is being answered. Undefined for none,
 * for another flow's, and for answers to what is not the question any more.
 */
export async function takeAnswers(house: House, found: Found, key: unknown): Promise<NewUser | 'taken' | undefined> {
  const brought = await lookAtKey(house, 'answer', key)
  if (brought?.content === undefined || brought.flowId !== found.flow.id) return undefined
  const returned: Returned = JSON.parse(brought.content)
  if (!isStillAsked(found, returned)) return undefined
  return (await spendKey(house, brought)) ? returned.user : 'taken'
}

/** The same words on the same page, the same things asked, and the name that is shown, where none is asked for. */
function isStillAsked({ question, situation }: Asking, { page, user }: Returned): boolean {
  const { suggested, notice } = situation
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
