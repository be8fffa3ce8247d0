// Verifies the chain of each person: every record in its place, with its words, and the head at its end.
import type { Db } from '../db/connect.ts'
import { type ChainRow, chainPage, headsAlone, noticesOf } from '../db/consent-chain.ts'
import { alteredColumn, CALLED, type ChainRecord, type Fault, faultOf, nameOf } from './chain.ts'

const BATCH = 5_000
const BEGIN = { userId: '00000000-0000-0000-0000-000000000000', sequence: -(2 ** 31) }

/** What is not as it was, in words, by user and number. `counts` grows with what was read; `progress` is called at each page. */
export async function* chainFaults(
  db: Db,
  counts: { records: number; people: number },
  progress: () => void,
): AsyncGenerator<string> {
  // A record is judged when the next one has been read, which says what its hash was.
  let [before, current]: (ChainRow | undefined)[] = []
  for (let after = BEGIN; ; ) {
    const page = await chainPage(db, after, BATCH)
    for (const next of page) {
      if (current) yield* judge(db, current, before, next)
      if (current?.userId !== next.userId) counts.people += 1
      counts.records += 1
      before = current?.userId === next.userId ? current : undefined
      current = next
    }
    progress()
    const last = page.at(-1)
    if (page.length < BATCH || !last) break
    after = last
  }
  if (current) yield* judge(db, current, before, undefined)
  for (let after: string | undefined; ; ) {
    const page = await headsAlone(db, after, BATCH)
    for (const userId of page) yield `the records of user ${userId} are gone: only their head is there`
    if (page.length < BATCH) return
    after = page.at(-1)
  }
}

async function* judge(
  db: Db,
  row: ChainRow,
  before: ChainRow | undefined,
  next: ChainRow | undefined,
): AsyncGenerator<string> {
  const isLast = next?.userId !== row.userId
  const head = headOf(row)
  const saidHash = isLast ? head?.hash : next?.previousHash
  const fault = faultOf(row, { before, saidHash })
  if (fault) yield await inWords(db, fault, row, before)
  else if (!row.hasWords) yield `${nameOf(row)}: its words are gone`
  // A record that is altered may be the reason for what its head says.
  else if (isLast) yield* headFaults(row, head)
}

function* headFaults(row: ChainRow, head: { sequence: number; hash: Buffer } | undefined): Generator<string> {
  const whose = `the head of user ${row.userId}`
  if (!head) yield `${whose} is gone; their last record is ${row.sequence}`
  else if (head.sequence > row.sequence && !head.hash.equals(row.hash))
    yield `record ${row.sequence + 1} of user ${row.userId} is gone: their head says that there are ${head.sequence}`
  else if (head.sequence !== row.sequence) yield `${whose}: the number is not what it was (${row.sequence})`
  else if (!head.hash.equals(row.hash)) yield `${whose}: the hash is not that of ${nameOf(row)}`
}

function headOf({ head }: ChainRow): { sequence: number; hash: Buffer } | undefined {
  const [sequence, hash = ''] = head?.split(' ') ?? []
  return sequence === undefined ? undefined : { sequence: Number(sequence), hash: Buffer.from(hash, 'hex') }
}

async function inWords(db: Db, fault: Fault, row: ChainRow, before: ChainRow | undefined): Promise<string> {
  switch (fault.kind) {
    case 'altered': {
      const column = fault.column ?? alteredColumn(row, await hintsFor(db, row))?.column
      return `${nameOf(row)}: ${column ? `the ${CALLED[column]} is not what it was` : 'it says other than its hash'}`
    }
    case 'gap': {
      const last = row.sequence - 1
      const which = last > fault.from ? `records ${fault.from} to ${last}` : `record ${fault.from}`
      return `${which} of user ${row.userId}, before ${nameOf(row)}: gone`
    }
    case 'replaced-before':
      return before
        ? `${nameOf(before)}: it is not the one that record ${row.sequence} follows`
        : `${nameOf(row)}: it follows another record, and is the first`
    default:
      return fault satisfies never
  }
}

/** What a column may have said: what the words speak of. */
async function hintsFor(db: Db, { noticeHash }: ChainRow): Promise<Partial<ChainRecord>[]> {
  const words = noticeHash === null ? undefined : (await noticesOf(db, [noticeHash])).get(noticeHash)
  if (!words) return []
  const { purposes = [] } = JSON.parse(words.content) as {
    purposes?: { id: string; piiCategories: { name: string }[] }[]
  }
  return [
    { language: words.language },
    ...purposes.flatMap(({ id, piiCategories }) => [
      { purposeId: id },
      ...piiCategories.map(({ name }) => ({ attribute: name })),
    ]),
  ]
}
