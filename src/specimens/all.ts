// Every page in every state that a person can meet: the one list, for the gallery, the check of themes, and the tests.
import { answeredPrompts } from './answered.ts'
import { answeredConnecting, firstConnecting } from './connecting.ts'
import { answeredLogins, firstLogins, messages, moreMessages, waysOut } from './others.ts'
import { firstPrompts } from './prompts.ts'
import { answeredFactors, firstFactors } from './second-factor.ts'
import type { PageState } from './state.ts'

/** The states of a form before anybody has answered it. */
export const firstViews: PageState[] = [...firstPrompts, ...firstLogins, ...firstConnecting, ...firstFactors]

/** The same pages after an answer that did not do. */
export const secondViews: PageState[] = [
  ...answeredPrompts,
  ...answeredLogins,
  ...answeredConnecting,
  ...answeredFactors,
]

/** Those that differ in more than their words. */
export const shapes: PageState[] = [...firstViews, ...secondViews, ...messages, ...waysOut]

export const allStates: PageState[] = [...shapes, ...moreMessages]
