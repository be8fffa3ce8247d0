// Rows of consent_checkpoints and their heads, and the one key that signs them.
import { type Db, inTransaction, query, queryOne } from './connect.ts'
import { MICROS } from './consent-chain.ts'

export interface CheckpointHead {
  userId: string
  sequence: number
  hash: Buffer
}

/** A checkpoint before it is signed; its heads are apart. */
export interface UnsignedCheckpoint {
  number: number
  /** YYYY-MM-DD, in UTC. */
  day: string
  headsHash: Buffer
  previousHash: Buffer
  /** Microseconds since 1970. */
  createdAt: string
}

export interface CheckpointRow extends Omit<UnsignedCheckpoint, 'createdAt'> {
  createdAt: string | null
  hash: Buffer
  signature: Buffer
}

// A day of its own text whatever the era, so that no other can pass for it.
const COLUMNS = `number, coalesce(to_char(day, 'YYYY-MM-DD') || CASE WHEN day < '0001-01-01' THEN ' BC' ELSE '' END, '') AS day, heads_hash AS "headsHash", previous_hash AS "previousHash", hash, signature,
  ${MICROS('created_at')} AS "createdAt"`

/** The sealed private key; undefined as long as there was no checkpoint. */
export async function sealedCheckpointKey(db: Db): Promise<Buffer | undefined> {
  const row = await queryOne<{ sealed: Buffer }>(db, 'SELECT sealed FROM consent_checkpoint_key')
  return row?.sealed
}

/** Keeps the key unless there is one; returns the one that is kept. */
export async function keepCheckpointKey(db: Db, sealed: Buffer): Promise<Buffer> {
  await query(db, 'INSERT INTO consent_checkpoint_key (sealed) VALUES (?) ON CONFLICT DO NOTHING', [sealed])
  return (await sealedCheckpointKey(db)) ?? sealed
}

export function lastCheckpoint(db: Db): Promise<CheckpointRow | undefined> {
  return queryOne<CheckpointRow>(db, `SELECT ${COLUMNS} FROM consent_checkpoints ORDER BY number DESC LIMIT 1`)
}

/** One number for all processes; another one than those of migrations and declarations. */
const LOCK = 7_135_202
const BATCH = 2_000

/** How heads become a checkpoint: each of them in turn, by user, then what they are together. */
export interface Maker {
  add(head: CheckpointHead): void
  /** Only called when there was a head. */
  finish(db: Db, parts: Omit<UnsignedCheckpoint, 'headsHash'>): Promise<CheckpointRow>
}

/**
 * Adds the checkpoint of a day, with the heads that no checkpoint has. Returns it and how many they are; nothing when there is none to
 * add, when the day (or a later one) has its checkpoint, and when another process is at it. The heads are read a few at a time and nothing of
 * them is locked: who answers meanwhile waits for nobody. `maker` is asked for a new one when the transaction runs again.
 */
export async function insertCheckpoint(
  db: Db,
  { day, now }: { day: string; now: Date },
  maker: () => Maker,
): Promise<{ checkpoint: CheckpointRow; count: number } | undefined> {
  let made: { checkpoint: CheckpointRow; count: number } | undefined
  return inTransaction(db, async (transaction) => {
    const lock = await queryOne<{ isOurs: boolean }>(transaction, 'SELECT pg_try_advisory_xact_lock(?) AS "isOurs"', [
      LOCK,
    ])
    if (!lock?.isOurs) return undefined
    const last = await lastCheckpoint(transaction)
    // Kept by this very run, whose COMMIT was not answered.
    if (last && made?.checkpoint.hash.equals(last.hash)) return made
    if (last && last.day >= day) return undefined
    const number = (last?.number ?? 0) + 1
    const making = maker()
    let count = 0
    for await (const head of newHeads(transaction, number)) {
      making.add(head)
      count += 1
    }
    if (count === 0) return undefined
    const createdAt = `${now.getTime()}000`
    const checkpoint = await making.finish(transaction, {
      number,
      day,
      previousHash: last?.hash ?? Buffer.alloc(32),
      createdAt,
    })
    made = { checkpoint, count }
    await query(
      transaction,
      `INSERT INTO consent_checkpoints (number, day, heads_hash, previous_hash, hash, signature, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      [number, day, checkpoint.headsHash, checkpoint.previousHash, checkpoint.hash, checkpoint.signature, now],
    )
    return made
  })
}

/** The heads that no checkpoint has, by user; each is put into the one of this number. */
async function* newHeads(db: Db, number: number): AsyncGenerator<CheckpointHead> {
  for (let after: string | undefined; ; ) {
    const page: (CheckpointHead & { isNew: boolean })[] = await query(
      db,
      `SELECT user_id AS "userId", sequence, hash, NOT EXISTS (
         SELECT 1 FROM consent_checkpoint_heads k WHERE k.user_id = h.user_id AND k.sequence = h.sequence AND k.hash = h.hash
       ) AS "isNew" FROM consent_heads h WHERE ?::uuid IS NULL OR user_id > ?::uuid ORDER BY user_id LIMIT ${BATCH}`,
      [after ?? null, after ?? null],
    )
    const added = page.filter(({ isNew }) => isNew)
    await query(
      db,
      `INSERT INTO consent_checkpoint_heads (number, user_id, sequence, hash)
       SELECT ?, * FROM unnest(?::uuid[], ?::integer[], ?::bytea[])`,
      [number, added.map((head) => head.userId), added.map((head) => head.sequence), added.map((head) => head.hash)],
    )
    yield* added
    if (page.length < BATCH) return
    after = page.at(-1)?.userId
  }
}

/** The checkpoints after the number `after`. */
export function checkpointsPage(db: Db, after: number, size: number): Promise<CheckpointRow[]> {
  return query<CheckpointRow>(
    db,
    `SELECT ${COLUMNS} FROM consent_checkpoints WHERE number > ? ORDER BY number LIMIT ?`,
    [after, size],
  )
}

/** A head of a checkpoint, and the hash that this record has in its chain now; null when the record is gone. */
export interface HeadInChain extends CheckpointHead {
  inChain: Buffer | null
}

/** The heads of a checkpoint after that of the user `after`, by user; the first when it is absent. */
export function checkpointHeadsPage(
  db: Db,
  number: number,
  after: string | undefined,
  size: number,
): Promise<HeadInChain[]> {
  return query<HeadInChain>(
    db,
    `SELECT user_id AS "userId", sequence, hash,
       (SELECT c.hash FROM consents c WHERE c.user_id = k.user_id AND c.sequence = k.sequence) AS "inChain"
     FROM consent_checkpoint_heads k WHERE number = ? AND (?::uuid IS NULL OR user_id > ?::uuid) ORDER BY user_id LIMIT ?`,
    [number, after ?? null, after ?? null, size],
  )
}

/** The number of a checkpoint that heads name and that is not there, if there is one. */
export async function missingCheckpoint(db: Db): Promise<number | undefined> {
  const row = await queryOne<{ number: number }>(
    db,
    `SELECT number FROM consent_checkpoint_heads k
     WHERE NOT EXISTS (SELECT 1 FROM consent_checkpoints c WHERE c.number = k.number) ORDER BY number LIMIT 1`,
  )
  return row?.number
}
