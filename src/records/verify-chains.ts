// Verifies the chain of each person: every record in its place, with its words, and the head at its end.
import type { Db } from '../db/connect.ts'
import { type ChainRow, chainPage, headOf, headsAlone, noticesOf } from '../db/consent-chain.ts'
import { alteredColumn, CALLED, type ChainRecord, type Fault, faultOf, nameOf } from './chain.ts'

const BATCH = 5_000
const BEGIN = { userId: '00000000-0000-0000-0000-000000000000', sequence: -(2 ** 31) }

/** One record with what stands beside it in its chain. */
interface Place {
  row: ChainRow
  before: ChainRow | undefined
  next: ChainRow | undefined
}

/**
 * What is not as it was, in words, by user and number. `counts` grows with what was read; `progress` is called at each page. `words` are the
 * hashes of those that are known to be there.
 */
export async function* chainFaults(
  db: Db,
  counts: { records: number; people: number },
  { words, progress }: { words: ReadonlySet<string>; progress: () => void },
): AsyncGenerator<string> {
  for await (const places of placesOf(db)) {
    for (const place of places) {
      counts.records += 1
      if (!place.before) counts.people += 1
      const isWell = isAsItWas(place) && (place.row.noticeHash === null || words.has(place.row.noticeHash))
      const fault = isWell ? undefined : await inWords(db, place)
      if (fault) yield fault
    }
    progress()
  }
  for (let after: string | undefined; ; ) {
    const page = await headsAlone(db, after, BATCH)
    for (const userId of page) yield `the records of user ${userId} are gone: only their head is there`
    if (page.length < BATCH) return
    after = page.at(-1)
  }
}

/** All records, some at a time; the next ones are read while those are judged. A record is judged with the next one, which says what its hash was. */
async function* placesOf(db: Db): AsyncGenerator<Place[]> {
  let [before, row]: (ChainRow | undefined)[] = []
  const read = (after: { userId: string; sequence: number }) => {
    const page = chainPage(db, after, BATCH)
    // Whoever awaits it hears of it, and nobody else.
    page.catch(() => {})
    return page
  }
  for (let coming: Promise<ChainRow[]> | undefined = read(BEGIN); coming; ) {
    const page: ChainRow[] = await coming
    const last = page.at(-1)
    coming = page.length === BATCH && last ? read(last) : undefined
    const places: Place[] = []
    for (const next of [...page, ...(coming ? [] : [undefined])]) {
      const isNew = next?.userId !== row?.userId
      if (row) places.push({ row, before, next: isNew ? undefined : next })
      before = isNew ? undefined : row
      row = next
    }
    yield places
  }
}

function isAsItWas(place: Place): boolean {
  const { row, next } = place
  return (
    !faultIn(place) &&
    (next !== undefined || (row.headSequence === row.sequence && row.headHash?.equals(row.hash) === true))
  )
}

function faultIn({ row, before, next }: Place): Fault | undefined {
  return faultOf(row, { before, saidHash: next?.previousHash ?? row.headHash ?? undefined })
}

/** What is wrong with a record, its words or its head; nothing when it was words that came while we read. */
async function inWords(db: Db, place: Place): Promise<string | undefined> {
  const { row, next } = place
  const fault = faultIn(place)
  if (fault) return faultInWords(db, fault, place)
  if (row.noticeHash !== null && !(await noticesOf(db, [row.noticeHash])).has(row.noticeHash))
    return `${nameOf(row)}: its words are gone`
  if (next || isAsItWas(place)) return undefined
  const whose = `the head of user ${row.userId}`
  const head = await headOf(db, row.userId)
  if (!head) return `${whose} is gone; their last record is ${row.sequence}`
  if (!head.hash.equals(row.hash) && head.sequence > row.sequence)
    return `record ${row.sequence + 1} of user ${row.userId} is gone: their head says that there are ${head.sequence}`
  if (head.sequence !== row.sequence) return `${whose}: the number is not what it was (${row.sequence})`
  return `${whose}: the hash is not that of ${nameOf(row)}`
}

async function faultInWords(db: Db, fault: Fault, { row, before }: Place): Promise<string> {
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
