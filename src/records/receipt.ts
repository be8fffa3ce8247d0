// The receipt of a purpose, or of all: what was asked, in which words, and what was answered when, in the field names of Kantara's Consent Receipt 1.1. A view of the records; no value of a person is in it. Pure.
import { hash as digest } from 'node:crypto'
import type { KeptRecord } from '../db/consent-chain.ts'

/** Words as they were kept with an answer (provisioning/consent.ts noticeOf). */
export interface Words {
  controller: {
    name: string
    privacyPolicyUrl: string | null
    jurisdiction: string | null
    contact: string | null
    email: string | null
    phone: string | null
    address: string | null
  }
  language: string
  purposes: WordsOfPurpose[]
}

export interface WordsOfPurpose {
  id: string
  /** Of its words, where they were not in the page's. */
  language?: string
  purpose: string
  description: string
  piiCategories: { name: string; label: string; mandatory: boolean }[]
}

export interface Receipt {
  version: 'KI-CR-v1.1.0'
  jurisdiction: string
  /** Seconds since 1970. */
  consentTimestamp: number
  collectionMethod: string
  consentReceiptID: string
  language: string
  piiPrincipalId: string
  piiControllers: Controller[]
  policyUrl: string
  services: { service: string; purposes: ReceiptPurpose[] }[]
  sensitive: boolean
  spiCat: string[]
  /** Ours, as is all that follows: where an agreement is taken back. */
  withdrawal: string
  /** Each answer, oldest first. */
  records: ReceiptRecord[]
  /** The words that were answered, by their hash. */
  notices: Record<string, Words>
}

interface Controller {
  piiController: string
  onBehalf: false
  contact: string
  address: { streetAddress?: string }
  email: string
  phone: string
}

interface ReceiptPurpose {
  purpose: string
  purposeCategory: string[]
  consentType: 'EXPLICIT'
  /** The attributes that are agreed to now. */
  piiCategory: string[]
  primaryPurpose: boolean
  termination: string
  thirdPartyDisclosure: false
}

interface ReceiptRecord {
  number: number
  purposeId: string
  attribute: string
  state: string
  timestamp: string
  collectionMethod: string
  service: string
  language: string
  notice: string
  /** That of the record in its chain. */
  hash: string
}

const TERMINATION = 'When it is withdrawn, or the account is closed'
/** Purposes have no categories here; this is what the reference calls every one of them. */
const CATEGORY = 'DEFAULT'

/**
 * The receipt over these records of one person.
 * @param records newest first: of one purpose, or all there are
 * @param words by hash; records whose words are not among them are left out
 * @param purposeId the one that it is about; absent: all
 * @returns undefined when there is none, as for whoever was never asked
 */
export function receiptOf(
  records: KeptRecord[],
  words: ReadonlyMap<string, Words>,
  { userId, purposeId, withdrawal }: { userId: string; purposeId?: string | undefined; withdrawal: string },
): Receipt | undefined {
  const answers = records.flatMap((record) => {
    const seen = record.noticeHash === null ? undefined : words.get(record.noticeHash)
    return seen && record.noticeHash !== null ? [{ record, seen, notice: record.noticeHash }] : []
  })
  const [last] = answers
  if (!last) return undefined
  const { controller } = last.seen
  return {
    version: 'KI-CR-v1.1.0',
    jurisdiction: controller.jurisdiction ?? '',
    consentTimestamp: Math.floor(last.record.at.getTime() / 1000),
    collectionMethod: methodOf(last.record),
    consentReceiptID: receiptId(last.record, purposeId),
    language: last.record.language,
    piiPrincipalId: userId,
    piiControllers: controllersOf(answers.map(({ seen }) => seen)),
    policyUrl: controller.privacyPolicyUrl ?? '',
    services: servicesOf(answers),
    sensitive: false,
    spiCat: [],
    withdrawal,
    records: answers.toReversed().map(({ record, seen, notice }) => ({
      number: record.sequence,
      purposeId: record.purposeId,
      attribute: record.attribute,
      state: record.state,
      timestamp: record.at.toISOString(),
      collectionMethod: methodOf(record),
      service: record.applicationName ?? seen.controller.name,
      language: record.language,
      notice,
      hash: record.hash.toString('hex'),
    })),
    notices: Object.fromEntries(answers.map(({ notice, seen }) => [notice, seen])),
  }
}

interface Answer {
  record: KeptRecord
  seen: Words
}

/** What holds of each attribute: the newest answer to it that is one. Of newest first; the attributes in the order in which they were asked. */
export function holding(records: KeptRecord[]): Map<string, KeptRecord> {
  const answers = records.filter(({ state }) => state !== 'change-refused' && state !== 'closed')
  return new Map(answers.toReversed().map((record) => [record.attribute, record]))
}

/** The words of a purpose among those of a page; undefined when it was not on it. */
export function purposeIn(words: Words, purposeId: string): WordsOfPurpose | undefined {
  return words.purposes.find(({ id }) => id === purposeId)
}

/** Each purpose under what the person was on the way to when they answered it last. */
function servicesOf(answers: Answer[]): Receipt['services'] {
  const services = new Map<string, ReceiptPurpose[]>()
  for (const [purposeId, [last, ...rest]] of grouped(answers)) {
    if (!last) continue
    const service = last.record.applicationName ?? last.seen.controller.name
    const held = holding([last, ...rest].map(({ record }) => record))
    const words = purposeIn(last.seen, purposeId)
    const purpose: ReceiptPurpose = {
      purpose: words?.purpose ?? purposeId,
      purposeCategory: [CATEGORY],
      consentType: 'EXPLICIT',
      piiCategory: [...held.values()].filter(({ state }) => state === 'given').map(({ attribute }) => attribute),
      primaryPurpose: words?.piiCategories.some(({ mandatory }) => mandatory) ?? false,
      termination: TERMINATION,
      thirdPartyDisclosure: false,
    }
    services.set(service, [...(services.get(service) ?? []), purpose])
  }
  return [...services].map(([service, purposes]) => ({ service, purposes }))
}

function grouped(answers: Answer[]): Map<string, Answer[]> {
  const groups = new Map<string, Answer[]>()
  for (const answer of answers) {
    const { purposeId } = answer.record
    groups.set(purposeId, [...(groups.get(purposeId) ?? []), answer])
  }
  return groups
}

/** Who asked, once each; the last first. A field that they leave empty is empty here: the receipt is not theirs to fail. */
function controllersOf(words: Words[]): Controller[] {
  const controllers = words.map(
    ({ controller }): Controller => ({
      piiController: controller.name,
      onBehalf: false,
      contact: controller.contact ?? '',
      address: controller.address ? { streetAddress: controller.address } : {},
      email: controller.email ?? '',
      phone: controller.phone ?? '',
    }),
  )
  return [...new Map(controllers.map((controller) => [JSON.stringify(controller), controller])).values()]
}

function methodOf({ channel, idpName }: KeptRecord): string {
  if (channel === 'my-account') return 'My Account'
  if (channel === 'operator') return 'Operator'
  return idpName === null ? 'Web form at sign-in' : `Web form at sign-in through ${idpName}`
}

/** A UUID (version 8, RFC 9562) of the record that the receipt ends with: the same receipt has the same one, and nothing of it is kept. */
function receiptId({ hash }: KeptRecord, purposeId: string | undefined): string {
  const bytes = digest('sha256', `vestibule receipt\n${purposeId ?? ''}\n${hash.toString('hex')}`, 'buffer').subarray(
    0,
    16,
  )
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
