// The checkpoint of a day: the heads of all chains that changed, hashed, chained to the checkpoint before and signed. Law: who has the database and not SECRET_KEY can make none.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { Logger } from 'pino'
import {
  type CheckpointHead,
  type CheckpointRow,
  insertCheckpoint,
  keepCheckpointKey,
  lastCheckpoint,
  type Maker,
  sealedCheckpointKey,
  type UnsignedCheckpoint,
} from '../db/checkpoints.ts'
import type { Db } from '../db/connect.ts'
import type { Keyring } from '../seal.ts'
import { momentOf } from './chain.ts'

/** What every line of the log begins with that is a copy of a checkpoint. */
export const LINE = 'consent checkpoint'

/** Of the sealed key (db/sealed.ts). */
const CONTEXT = 'consent checkpoint key'

export interface CheckpointHouse {
  db: Db
  keyring: Keyring
  log: Pick<Logger, 'info'>
}

/**
 * Makes the checkpoint of the day of `now`, unless it has one or nobody answered anything since the last. It is logged, too, so that a
 * copy is where no one who can write to the database can change it. Throws when the key that signed those before cannot be opened.
 */
export async function takeCheckpoint({ db, keyring, log }: CheckpointHouse, now: Date): Promise<void> {
  const day = dayOf(now)
  const last = await lastCheckpoint(db)
  if (last && last.day >= day) return
  const taken = await insertCheckpoint(db, { day, now }, () => makerWith(keyring))
  if (!taken) return
  const { checkpoint, count } = taken
  log.info(
    { number: checkpoint.number, day, count, hash: text(checkpoint.hash), signature: text(checkpoint.signature) },
    LINE,
  )
}

/** Has `work` done once a day (in UTC), however often it is called; again only after it failed. */
export function onceADay(work: (now: Date) => Promise<void>): (now: Date) => Promise<void> {
  let doneOn = ''
  return async (now) => {
    const day = dayOf(now)
    if (day === doneOn) return
    doneOn = day
    try {
      await work(now)
    } catch (error) {
      doneOn = ''
      throw error
    }
  }
}

function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10)
}

/** As it is written in a line of the log. */
export function text(bytes: Buffer): string {
  return bytes.toString('base64url')
}

async function signingKey(db: Db, keyring: Keyring): Promise<KeyObject> {
  const sealed = (await sealedCheckpointKey(db)) ?? (await keepCheckpointKey(db, newKey(keyring)))
  return createPrivateKey({ key: JSON.parse(keyring.unseal(CONTEXT, sealed)), format: 'jwk' })
}

function newKey(keyring: Keyring): Buffer {
  const { privateKey } = generateKeyPairSync('ed25519')
  return keyring.seal(CONTEXT, JSON.stringify(privateKey.export({ format: 'jwk' })))
}

/** What checks signatures; undefined when there never was a key. Throws when the one that is kept cannot be opened. */
export async function checkpointVerifier(
  db: Db,
  keyring: Keyring,
): Promise<((checkpoint: CheckpointRow) => boolean) | undefined> {
  if ((await sealedCheckpointKey(db)) === undefined) return undefined
  const key = createPublicKey(await signingKey(db, keyring))
  return ({ hash, signature }) => verify(null, hash, key, signature)
}

function makerWith(keyring: Keyring): Maker {
  const heads = hashHeads()
  return {
    add: heads.add,
    async finish(db, parts) {
      const headsHash = heads.finish()
      const hash = hashOfCheckpoint({ ...parts, headsHash })
      return { ...parts, headsHash, hash, signature: sign(null, hash, await signingKey(db, keyring)) }
    },
  }
}

/** Hashes heads, a line for each, by user. */
export function hashHeads(): { add(head: CheckpointHead): void; finish(): Buffer } {
  const hash = createHash('sha256')
  return {
    add: (head) => hash.update(`${head.userId} ${head.sequence} ${head.hash.toString('hex')}\n`),
    finish: () => hash.digest(),
  }
}

/** The hash that a checkpoint has to have, and that is signed. */
export function hashOfCheckpoint(
  checkpoint: Omit<UnsignedCheckpoint, 'createdAt'> & { createdAt: string | null },
): Buffer {
  const { number, day, headsHash, createdAt, previousHash } = checkpoint
  const lines = [
    'vestibule checkpoint 1',
    number,
    day,
    headsHash.toString('hex'),
    momentOf(createdAt),
    previousHash.toString('hex'),
  ]
  return createHash('sha256').update(lines.join('\n')).digest()
}
