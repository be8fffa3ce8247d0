// What a person can choose, purpose by purpose: what was said of each detail, what is kept, and what can be said now. Pure.
import type { Choice } from '../db/account-choices.ts'
import type { SpokenPurpose } from '../provisioning/translations.ts'

/** The purpose that there is where none is configured, and of what was kept without asking. */
const BUILT_IN = 'default'

/** `ask`: to stop means to close the account, which has a page of its own. */
export type Can = 'stop' | 'ask' | 'allow'

export interface Item {
  attribute: string
  isNeeded: boolean
  /** Nobody is asked for this any more. */
  isOver: boolean
  /** What holds; absent: they were never asked. */
  choice?: Choice
  /** Whether a value is kept under this purpose; `elsewhere`: for other purposes alone, by id. */
  kept: 'here' | 'nowhere' | { elsewhere: string[] }
  can: Can
}

/** A purpose with the details that concern this person. */
export interface Section {
  purpose: SpokenPurpose
  items: Item[]
}

export interface ChoiceFacts {
  /** Those that are asked for now, in the language of the page. */
  purposes: SpokenPurpose[]
  builtIn: { purpose: string; description: string }
  choices: Choice[]
  /** The names of what is kept. */
  kept: readonly string[]
  /** Of the page (BCP 47). */
  language: string
}

/**
 * The configured purposes; with those that somebody agreed to and that are asked for no longer, in the words that they saw; and the built-in one
 * with what it was answered for and what is kept without anybody's word.
 */
export function sectionsOf({ purposes, builtIn, choices, kept, language }: ChoiceFacts): Section[] {
  const given = (attribute: string) =>
    choices.filter((choice) => choice.attribute === attribute && choice.state === 'given')
  const isUncovered = (attribute: string) => kept.includes(attribute) && given(attribute).length === 0

  function itemOf(purposeId: string, attribute: string, isNeeded: boolean, isOver: boolean): Item {
    const choice = choices.find((one) => one.purposeId === purposeId && one.attribute === attribute)
    const isKeptHere = choice?.state === 'given' ? kept.includes(attribute) : isUncovered(attribute)
    const elsewhere = given(attribute).map((one) => one.purposeId)
    const mayStop = choice?.state === 'given' || isUncovered(attribute)
    return {
      attribute,
      isNeeded,
      isOver,
      ...(choice ? { choice } : {}),
      kept: isKeptHere ? 'here' : kept.includes(attribute) ? { elsewhere } : 'nowhere',
      can: !mayStop ? 'allow' : isNeeded ? 'ask' : 'stop',
    }
  }

  const asked: Section[] = purposes.map((purpose) => ({
    purpose,
    items: purpose.piiCategories.map(({ name, mandatory }) => itemOf(purpose.id, name, mandatory, false)),
  }))
  const isAsked = (purposeId: string, attribute: string) =>
    asked.some(({ purpose, items }) => purpose.id === purposeId && items.some((item) => item.attribute === attribute))

  // Newest last: the words that were seen last count.
  const over = new Map<string, Section>()
  for (const choice of choices) {
    const { purposeId, attribute, state } = choice
    if (state !== 'given' || purposeId === BUILT_IN || isAsked(purposeId, attribute)) continue
    const items = [...(over.get(purposeId)?.items ?? []), itemOf(purposeId, attribute, false, true)]
    over.set(purposeId, { purpose: asSeen(choice, language, items), items })
  }

  const hasBuiltIn = purposes.length === 0
  const answered = choices
    .filter(({ purposeId, state }) => purposeId === BUILT_IN && (hasBuiltIn || state === 'given'))
    .map(({ attribute }) => attribute)
    .filter((attribute) => !isAsked(BUILT_IN, attribute))
  const listed = [...asked, ...over.values()].flatMap(({ items }) => items)
  const unasked = kept.filter(
    (attribute) => isUncovered(attribute) && !listed.some((item) => item.attribute === attribute),
  )
  const ofBuiltIn = [...new Set([...answered, ...unasked])].map((attribute) =>
    itemOf(BUILT_IN, attribute, false, !hasBuiltIn && answered.includes(attribute)),
  )
  return [
    ...asked,
    ...over.values(),
    ...(ofBuiltIn.length > 0 ? [{ purpose: madeOf(BUILT_IN, builtIn, ofBuiltIn), items: ofBuiltIn }] : []),
  ]
}

/** The purpose as it was seen; one whose words nobody kept is called by its id. */
function asSeen({ purposeId, seen, language }: Choice, page: string, items: Item[]): SpokenPurpose {
  const own = seen?.language ?? language
  const words = { purpose: seen?.purpose ?? purposeId, description: seen?.description ?? '' }
  return { ...madeOf(purposeId, words, items), ...(own === page ? {} : { language: own }) }
}

function madeOf(id: string, words: { purpose: string; description: string }, items: Item[]): SpokenPurpose {
  return {
    id,
    ...words,
    piiCategories: items.map(({ attribute, isNeeded }) => ({ name: attribute, mandatory: isNeeded })),
  }
}
