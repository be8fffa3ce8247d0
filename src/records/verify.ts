// Verifies everything that proves what people agreed to: words, chains, heads, checkpoints. Reads page by page, so that it takes as little memory for a million people as for one.
import type { Db } from '../db/connect.ts'
import { noticesPage } from '../db/consent-chain.ts'
import { hashOfWords } from './chain.ts'
import type { KeptCheckpoint } from './kept-checkpoints.ts'
import { chainFaults } from './verify-chains.ts'
import { type CheckSignature, checkpointFaults } from './verify-checkpoints.ts'

export interface Counts {
  records: number
  people: number
  checkpoints: number
}

export interface Verdict extends Counts {
  /** How many things are not as they were. */
  faults: number
  /** The first of them, in words. */
  first?: string
}

/**
 * Walks all of it while people go on answering; changes nothing.
 * @param isSigned tells whether a checkpoint has our signature; absent: there never was a key
 * @param kept copies of checkpoints from elsewhere
 * @param progress is told now and then how many records were read
 */
export async function verifyRecords(
  db: Db,
  isSigned: CheckSignature | undefined,
  { kept, progress = () => {} }: { kept?: Map<number, KeptCheckpoint>; progress?: (counts: Counts) => void } = {},
): Promise<Verdict> {
  const counts: Counts = { records: 0, people: 0, checkpoints: 0 }
  const found: { faults: number; first?: string } = { faults: 0 }
  // As many as there are wordings, and not as there are people.
  const words = new Set<string>()
  const parts = [
    wordsFaults(db, words),
    chainFaults(db, counts, { words, progress: () => progress(counts) }),
    checkpointFaults(db, counts, isSigned, kept),
  ]
  for (const part of parts)
    for await (const fault of part) {
      found.faults += 1
      found.first ??= fault
    }
  return { ...counts, ...found }
}

const BATCH = 200

async function* wordsFaults(db: Db, words: Set<string>): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    const page = await noticesPage(db, after, BATCH)
    for (const { hash, language, content } of page) {
      words.add(hash)
      if (hashOfWords(content) !== hash) yield `the words ${hash}: they say other than their hash`
      else if (languageIn(content) !== language) yield `the words ${hash}: the language is not what it was`
    }
    const last = page.at(-1)
    if (page.length < BATCH || !last) return
    after = last.hash
  }
}

function languageIn(content: string): unknown {
  return (JSON.parse(content) as { language?: unknown } | null)?.language
}
