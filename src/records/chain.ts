// The hash of a record, from its columns and the record before it, and what can be told of one that says other than its hash. Pure.
import { hash as digest } from 'node:crypto'

/** A row of consents, every column that counts. */
export interface ChainRecord {
  userId: string
  sequence: number
  purposeId: string
  attribute: string
  state: string
  isGiven: boolean
  channel: string
  noticeHash: string | null
  language: string
  idpId: string | null
  idpName: string | null
  applicationName: string | null
  flowId: string | null
  /** Microseconds since 1970, which a Date would round; null for a time that is none. */
  createdAt: string | null
  previousHash: Buffer
  hash: Buffer
}

/** What a chain begins with, in the place of a record before. */
function rootOf(userId: string): Buffer {
  return sha256(userId)
}

/** The hash that a record has to have: what chain_consent() of the migrations computes, computed from its description and not by it. */
function hashOf(record: ChainRecord): Buffer {
  return sha256(
    [
      'vestibule consent 1',
      record.userId,
      record.sequence,
      record.purposeId,
      record.attribute,
      record.state,
      record.channel,
      orNothing(record.noticeHash),
      record.language,
      orNothing(record.idpId),
      quoted(record.idpName),
      quoted(record.applicationName),
      orNothing(record.flowId),
      momentOf(record.createdAt),
      record.previousHash.toString('hex'),
    ].join('\n'),
  )
}

/** Nothing is an empty line; an empty text stands nowhere, so it must not pass for nothing. */
function orNothing(value: string | null): string {
  return value === '' ? '\0' : (value ?? '')
}

function quoted(value: string | null): string {
  return value === null ? '' : JSON.stringify(value)
}

/** A moment of microseconds as ISO 8601 writes it. Before 1970, too, and never a year that is not one. */
export function momentOf(micros: string | null): string {
  if (micros === null) return 'at no time'
  // Exact: 2 ** 53 microseconds are 285 years, and what lies further from 1970 than that was not when anybody answered.
  const all = Number(micros)
  const rest = ((all % 1000) + 1000) % 1000
  const date = new Date((all - rest) / 1000)
  if (!Number.isSafeInteger(all) || Number.isNaN(date.getTime())) return 'at no time'
  return `${date.toISOString().slice(0, -1)}${String(rest).padStart(3, '0')}Z`
}

/** A record as a sentence names it. */
export function nameOf(record: ChainRecord): string {
  const { state, purposeId, attribute, createdAt, sequence, userId } = record
  const what = state === 'closed' ? '' : `${JSON.stringify(`${purposeId}: ${attribute}`)}, `
  return `record ${sequence} of user ${userId}, ${what}${state} ${momentOf(createdAt)}`
}

export interface Around {
  /** The record before; absent for the first. */
  before?: ChainRecord | undefined
  /** The hash that the next record says this one has, or the head when there is no next. */
  saidHash?: Buffer | undefined
}

/** What is wrong with a record in its place, or undefined. Each fault is told where it is, and not of every record that follows. */
export function faultOf(record: ChainRecord, { before, saidHash }: Around): Fault | undefined {
  const expected = { sequence: (before?.sequence ?? 0) + 1, previousHash: before?.hash ?? rootOf(record.userId) }
  const hash = hashOf(record)
  if (!hash.equals(record.hash)) {
    if (saidHash && hash.equals(saidHash)) return { kind: 'altered', column: 'hash' }
    return { kind: 'altered', column: alteredColumn(record, [expected, ...(before ? [before] : [])])?.column }
  }
  if (record.isGiven !== (record.state === 'given')) return { kind: 'altered', column: 'isGiven' }
  if (record.sequence !== expected.sequence) return { kind: 'gap', from: expected.sequence }
  if (!record.previousHash.equals(expected.previousHash)) return { kind: 'replaced-before' }
  return undefined
}

export type Fault =
  /** It says other than its hash; `column` if that can be told. */
  | { kind: 'altered'; column: Column | undefined }
  /** Records from this number on are missing before it. */
  | { kind: 'gap'; from: number }
  /** It follows another record than the one that stands before it. */
  | { kind: 'replaced-before' }

export type Column = Exclude<keyof ChainRecord, 'userId'>

/** What each column is called in a sentence. */
export const CALLED: Record<Column, string> = {
  sequence: 'number',
  purposeId: 'purpose',
  attribute: 'attribute',
  state: 'state',
  isGiven: 'state',
  channel: 'channel',
  noticeHash: 'notice',
  language: 'language',
  idpId: 'id of the idp',
  idpName: 'name of the idp',
  applicationName: 'name of the application',
  flowId: 'flow',
  createdAt: 'time',
  previousHash: 'hash of the record before',
  hash: 'hash',
}

const KNOWN: Partial<ChainRecord>[] = [
  ...['given', 'refused', 'withdrawn', 'change-refused', 'closed'].map((state) => ({ state })),
  ...['sign-in', 'my-account', 'operator'].map((channel) => ({ channel })),
  { noticeHash: null, idpId: null, idpName: null, applicationName: null, flowId: null },
]

/**
 * The one column whose former value would make the hash right again, and that value, if it is among those of `others`: records beside
 * it, and what its words say. A hash gives away no more.
 */
export function alteredColumn(
  record: ChainRecord,
  others: Partial<ChainRecord>[],
): { column: Column; was: ChainRecord[Column] } | undefined {
  for (const other of [...others, ...KNOWN])
    for (const column of Object.keys(CALLED) as Column[]) {
      const was = other[column]
      if (was === undefined || column === 'hash' || column === 'isGiven') continue
      if (hashOf({ ...record, [column]: was }).equals(record.hash)) return { column, was }
    }
  return undefined
}

/** What a wording hashes to: its key (provisioning/consent.ts noticeOf). */
export function hashOfWords(content: string): string {
  return digest('sha256', content, 'base64url')
}

function sha256(text: string): Buffer {
  return digest('sha256', text, 'buffer')
}
