// Records of one person as they read them: a sentence for each, when and where it was, and the way to the words of then.
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import type { Db } from '../db/connect.ts'
import { type KeptRecord, noticesOf } from '../db/consent-chain.ts'
import { purposeIn, type Words } from '../records/receipt.ts'
import type { Message } from '../web/page.ts'

export interface Entry {
  number: number
  what: Message
  at: Date
  where: Message
  /** Where the words are that were answered. */
  words?: string
  hash: string
}

const SAID: Record<KeptRecord['state'], string> = {
  given: 'history.given',
  refused: 'history.refused',
  withdrawn: 'history.withdrawn',
  'change-refused': 'history.change-refused',
  closed: 'history.closed',
}

export const WORDS = '/privacy/words'

/** The words that these records were answers to, by their hash. */
export async function wordsOf(db: Db, records: KeptRecord[]): Promise<Map<string, Words>> {
  const hashes = new Set(records.flatMap(({ noticeHash }) => noticeHash ?? []))
  const notices = await noticesOf(db, [...hashes])
  return new Map([...notices].map(([hash, { content }]) => [hash, JSON.parse(content) as Words]))
}

export function entryOf(record: KeptRecord, words: ReadonlyMap<string, Words>): Entry {
  const { sequence, purposeId, attribute, state, noticeHash, at, hash } = record
  const seen = noticeHash === null ? undefined : words.get(noticeHash)
  const purpose = seen && purposeIn(seen, purposeId)
  const values = {
    attribute: purpose?.piiCategories.find(({ name }) => name === attribute)?.label ?? attribute,
    purpose: purpose?.purpose ?? purposeId,
    // Who it was then, which may not be who it is now.
    ...(seen ? { org: seen.controller.name } : {}),
  }
  return {
    number: sequence,
    what: { key: SAID[state], values },
    at,
    where: whereOf(record),
    ...(noticeHash === null
      ? {}
      : { words: `${MY_ACCOUNT_HOME}${WORDS}?${new URLSearchParams({ notice: noticeHash })}` }),
    hash: hash.toString('hex'),
  }
}

function whereOf({ channel, idpName, applicationName }: KeptRecord): Message {
  if (channel === 'my-account') return { key: 'history.account' }
  if (channel === 'operator') return { key: 'history.operator' }
  // Records of an earlier version do not say.
  if (idpName === null || applicationName === null) return { key: 'history.signin' }
  return { key: 'history.signin.idp', values: { idp: idpName, app: applicationName } }
}
