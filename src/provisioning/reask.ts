// What somebody who is known has to be asked again, because a purpose changed since they were shown it; and what their answer means. Pure.
import type { ConsentRecord, ConsentState } from '../db/consents.ts'
import type { Idp } from '../db/idps.ts'
import type { Organization } from '../db/installation.ts'
import type { ConfiguredPurpose } from '../db/purposes.ts'
import type { StoredAttribute } from '../db/user-attributes.ts'
import type { Profile } from '../login/profile.ts'
import type { Item } from './consent.ts'
import type { SpokenPurpose } from './translations.ts'
import { changeBetween, type PurposeContent } from './versions.ts'

/** What a person was shown of a purpose last; `wasDue`: it could not be put off any more then. */
export interface Seen {
  version: number
  wasDue: boolean
  content: PurposeContent
}

/** Of a purpose what a person answered by itself, and as it was then, by attribute. */
export type AnsweredBySelf = ReadonlyMap<string, Pick<Seen, 'version' | 'content'>>

/** Of one purpose, what is to be asked again. */
export interface AskedAgain {
  attributes: string[]
  /** It cannot be put off any more. */
  isDue: boolean
}

/** What somebody says who leaves a box empty: what they said before holds; the value goes; it stays for other purposes alone; none is kept. */
export type LeftEmpty = 'as-before' | 'deleted' | 'kept-elsewhere' | 'not-kept'

/**
 * What is to be asked of a purpose: all of it when its words changed or the person was never shown it, the attributes that are new or newly
 * needed when only those did, and, once it cannot be put off any more, those that they refused before, once. Undefined when that is nothing.
 * `answers` are the last ones to this purpose, by attribute, whatever they said. Of an attribute in `bySelf` what counts is what changed since.
 */
export function askedAgain(
  purpose: ConfiguredPurpose,
  controller: Organization,
  seen: Seen | undefined,
  answers: ReadonlyMap<string, ConsentState>,
  now: Date,
  bySelf: AnsweredBySelf = new Map(),
): AskedAgain | undefined {
  const { inForce } = purpose
  if (!inForce || (seen && seen.version > inForce.version)) return undefined
  const isDue = isDueAt(purpose, now)
  const isSettled = seen?.version === inForce.version && (seen.wasDue || !isDue)
  const isChanged = (name: string) => {
    const itself = bySelf.get(name)
    const last = itself && itself.version > (seen?.version ?? 0) ? itself : seen
    return last === undefined || (last.version < inForce.version && changedIn(purpose, controller, last).includes(name))
  }
  const attributes = purpose.piiCategories
    .filter(({ name, mandatory }) => {
      if (isChanged(name)) return true
      return isDue && !isSettled && isRefused(answers.get(name), mandatory)
    })
    .map(({ name }) => name)
  return attributes.length === 0 ? undefined : { attributes, isDue }
}

/** Whether a purpose cannot be put off any more. */
export function isDueAt({ inForce }: Pick<ConfiguredPurpose, 'inForce'>, now: Date): boolean {
  const dueFrom = inForce?.dueFrom ?? undefined
  return dueFrom !== undefined && dueFrom <= now
}

/** Against what they were shown, not version by version: a slip that was mended before they came is nothing to ask about. */
function changedIn(
  purpose: ConfiguredPurpose,
  controller: Organization,
  seen: Pick<Seen, 'version' | 'content'>,
): string[] {
  const change = changeBetween(seen.content, { ...purpose, controller })
  const isSaidAnew = (purpose.inForce?.wordsVersion ?? 0) > seen.version
  if (isSaidAnew && (change.words || change.controller)) return purpose.piiCategories.map(({ name }) => name)
  return change.attributes
}

/** A change that was not taken; a no to what is needed by now. */
function isRefused(answer: ConsentState | undefined, isNeeded: boolean): boolean {
  return answer === 'change-refused' || (isNeeded && (answer === 'refused' || answer === 'withdrawn'))
}

/** What an empty box means (`choiceOf`), by attribute, of each purpose that is asked again. `kept`: the names of what is kept. */
export function withLeftEmpty<A extends AskedAgain>(
  asked: ReadonlyMap<string, A>,
  { consents, kept }: { consents: ConsentRecord[]; kept: ReadonlySet<string> },
): Map<string, A & { leftEmpty: Record<string, LeftEmpty> }> {
  const given = consents.filter(({ state }) => state === 'given')
  /** A yes that this page does not put at stake. */
  const isSafe = ({ purposeId, attribute }: ConsentRecord) => {
    const again = asked.get(purposeId)
    return !again?.isDue || !again.attributes.includes(attribute)
  }
  const meaning = (id: string, { isDue }: A, attribute: string): LeftEmpty => {
    const yes = given.filter((one) => one.attribute === attribute)
    if (!isDue && yes.some(({ purposeId }) => purposeId === id)) return 'as-before'
    if (!kept.has(attribute)) return 'not-kept'
    return yes.some((one) => one.purposeId !== id && isSafe(one)) ? 'kept-elsewhere' : 'deleted'
  }
  return new Map(
    [...asked].map(([id, again]) => {
      const leftEmpty = Object.fromEntries(again.attributes.map((name) => [name, meaning(id, again, name)]))
      return [id, { ...again, leftEmpty }]
    }),
  )
}

/** Of these purposes what is asked again, with these attributes alone. */
export function onlyAsked(
  purposes: SpokenPurpose[],
  asked: ReadonlyMap<string, AskedAgain & Pick<SpokenPurpose, 'leftEmpty'>>,
): SpokenPurpose[] {
  return purposes.flatMap((purpose) => {
    const again = asked.get(purpose.id)
    if (!again) return []
    const piiCategories = purpose.piiCategories.filter(({ name }) => again.attributes.includes(name))
    const { isDue, leftEmpty } = again
    return [
      {
        ...purpose,
        piiCategories,
        again: isDue ? ('due' as const) : ('open' as const),
        ...(leftEmpty ? { leftEmpty } : {}),
      },
    ]
  })
}

/**
 * The profile with what is kept of the person: what would be kept after this sign-in, if they take everything. Of an idp only its own values
 * are brought up to date.
 */
export function withKept(
  profile: Profile,
  stored: StoredAttribute[],
  { id, attributeSyncMethod }: Pick<Idp, 'id' | 'attributeSyncMethod'>,
): Profile {
  const attributes = { ...profile.attributes }
  for (const { name, value, verified, originIdpId } of stored) {
    const isOwn = originIdpId === id && attributeSyncMethod !== 'NONE'
    if (isOwn && (Object.hasOwn(profile.attributes, name) || attributeSyncMethod === 'OVERRIDE_ALL')) continue
    attributes[name] = { value, ...(verified === null ? {} : { verified }) }
  }
  return { ...profile, attributes }
}

/**
 * The records of an answer: one per box. Who does not take the change of what they had agreed to keeps what they said, until it cannot be
 * put off any more. `given` says what they had agreed to.
 */
export function choiceOf(items: Item[], ticks: ReadonlySet<string>, given: ReadonlySet<string>): ConsentRecord[] {
  return items
    .filter((item) => item.isSent || item.isNeeded)
    .map(({ purposeId, attribute, key, again }) => ({
      purposeId,
      attribute,
      state: ticks.has(key) ? 'given' : given.has(key) && again === 'open' ? 'change-refused' : 'refused',
    }))
}
