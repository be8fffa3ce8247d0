// Verifies the checkpoints: each follows the one before, is signed, and its heads are still in the chains; and they are the ones that somebody kept elsewhere.
import {
  type CheckpointRow,
  checkpointHeadsPage,
  checkpointsPage,
  type HeadInChain,
  missingCheckpoint,
} from '../db/checkpoints.ts'
import type { Db } from '../db/connect.ts'
import { hashHeads, hashOfCheckpoint, text } from './checkpoint.ts'
import type { KeptCheckpoint } from './kept-checkpoints.ts'

export type CheckSignature = (checkpoint: CheckpointRow) => boolean

const BATCH = 5_000

/** What is not as it was, in words, by number. */
export async function* checkpointFaults(
  db: Db,
  counts: { checkpoints: number },
  isSigned: CheckSignature | undefined,
  kept: Map<number, KeptCheckpoint> = new Map(),
): AsyncGenerator<string> {
  let last: CheckpointRow | undefined
  const copies = new Map(kept)
  for (;;) {
    const page = await checkpointsPage(db, last?.number ?? -(2 ** 31), BATCH)
    for (const checkpoint of page) {
      counts.checkpoints += 1
      yield* faultsOf(db, checkpoint, last, isSigned)
      const copy = copies.get(checkpoint.number)
      if (copy) yield* differences(checkpoint, copy)
      copies.delete(checkpoint.number)
      last = checkpoint
    }
    if (page.length < BATCH) break
  }
  const missing = await missingCheckpoint(db)
  if (missing !== undefined) yield `checkpoint ${missing} is gone: only its heads are there`
  for (const { number, day } of copies.values()) yield `checkpoint ${number} of ${day} is gone: a copy of it is kept`
}

async function* faultsOf(
  db: Db,
  checkpoint: CheckpointRow,
  last: CheckpointRow | undefined,
  isSigned: CheckSignature | undefined,
): AsyncGenerator<string> {
  const { number, day, hash } = checkpoint
  const name = `checkpoint ${number} of ${day}`
  const expected = (last?.number ?? 0) + 1
  const heads = await readHeads(db, number)
  if (number !== expected) yield `checkpoint ${expected} is gone, before ${name}`
  else if (!hashOfCheckpoint(checkpoint).equals(hash)) yield `${name}: it says other than its hash`
  else if (!checkpoint.previousHash.equals(last?.hash ?? Buffer.alloc(32)))
    yield last
      ? `checkpoint ${last.number} of ${last.day}: it is not the one that checkpoint ${number} follows`
      : `${name}: it follows another, and is the first`
  else if (!isSigned?.(checkpoint)) yield `${name}: the signature is not ours`
  else if (!heads.hash.equals(checkpoint.headsHash)) yield `${name}: its heads are not what they were`
  // Heads that are proved to be what they were say what became of the records.
  else if (heads.first) {
    const { userId, sequence, inChain } = heads.first
    const record = `record ${sequence} of user ${userId}`
    yield inChain ? `${record} is not the one that ${name} has` : `${record}, which ${name} has, is gone`
  }
}

async function readHeads(db: Db, number: number): Promise<{ hash: Buffer; first: HeadInChain | undefined }> {
  const hashing = hashHeads()
  let first: HeadInChain | undefined
  for (let after: string | undefined; ; ) {
    const page: HeadInChain[] = await checkpointHeadsPage(db, number, after, BATCH)
    for (const head of page) {
      hashing.add(head)
      if (!first && !head.inChain?.equals(head.hash)) first = head
    }
    if (page.length < BATCH) return { hash: hashing.finish(), first }
    after = page.at(-1)?.userId
  }
}

function* differences(checkpoint: CheckpointRow, copy: KeptCheckpoint): Generator<string> {
  const { number, day, hash, signature } = checkpoint
  if (copy.day !== day || copy.hash !== text(hash) || copy.signature !== text(signature))
    yield `checkpoint ${number} of ${day}: the copy that is kept says other`
}
