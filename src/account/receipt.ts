// The receipt of a purpose, or of all: a page to read, to print and to keep, and the same as JSON. Nothing of it is stored.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { recordsOf } from '../db/consent-chain.ts'
import { holding, purposeIn, type Receipt, receiptOf, type Words } from '../records/receipt.ts'
import { PageError } from '../web/errors.ts'
import { textParameter } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import { type AccountPage, type Room, userOf } from './desk.ts'
import { type Entry, entryOf, wordsOf } from './records.ts'

const RECEIPT = '/privacy/receipt'

interface ReceiptPage extends AccountPage {
  /** Absent for who was never asked: there is none. */
  receipt?: Receipt
  purposes: PurposeOnReceipt[]
  entries: Entry[]
  /** The address of the same in JSON. */
  json: string
  privacy: string
}

interface PurposeOnReceipt {
  purpose: string
  description: string
  lang: string
  attributes: { label: string; state: Message }[]
}

const HOLDS: Record<string, string> = {
  given: 'receipt.given',
  refused: 'receipt.refused',
  withdrawn: 'receipt.withdrawn',
}

export const receiptRoom: Room = (desk) => {
  const { house } = desk
  return [
    { method: 'get', path: RECEIPT, handler: show },
    { method: 'get', path: `${RECEIPT}.json`, handler: send },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const purposeId = purposeOf(req)
    const { records, words, receipt } = await read(res, purposeId)
    const purposes = receipt ? onReceipt(records, words) : []
    const [only] = purposes
    desk.show<ReceiptPage>(
      req,
      res,
      'receipt',
      {
        title:
          purposeId !== undefined && only
            ? { key: 'receipt.title', values: { purpose: only.purpose } }
            : { key: 'receipt.title.all' },
        ...(receipt ? { receipt } : {}),
        purposes,
        entries: records.map((record) => entryOf(record, words)),
        json: `${MY_ACCOUNT_HOME}${RECEIPT}.json${purposeId === undefined ? '' : `?${new URLSearchParams({ purpose: purposeId })}`}`,
        privacy: `${MY_ACCOUNT_HOME}/privacy`,
      },
      receipt ? 200 : 404,
    )
  }

  async function send(req: Request, res: Response): Promise<void> {
    const { receipt } = await read(res, purposeOf(req))
    res.set('Cache-Control', 'no-store')
    if (!receipt) {
      res
        .status(404)
        .json({ error: 'no-receipt', description: 'You were not asked about this, so there is no receipt.' })
      return
    }
    res.attachment('consent-receipt.json').json(receipt)
  }

  async function read(res: Response, purposeId: string | undefined) {
    const { id: userId } = userOf(res)
    const records = await recordsOf(house.db, userId, { purposeId })
    const words = await wordsOf(house.db, records)
    const withdrawal = new URL(`${MY_ACCOUNT_HOME}/privacy`, house.publicUrl).href
    return { records, words, receipt: receiptOf(records, words, { userId, purposeId, withdrawal }) }
  }
}

/** The purpose of the address; undefined for all. Two are none. */
function purposeOf(req: Request): string | undefined {
  const { purpose } = req.query
  if (purpose !== undefined && textParameter(purpose) === undefined) throw new PageError(400, 'bad-request')
  return textParameter(purpose)
}

/** Each purpose in the words that were answered last, and what holds of its attributes. */
function onReceipt(
  records: Awaited<ReturnType<typeof recordsOf>>,
  words: ReadonlyMap<string, Words>,
): PurposeOnReceipt[] {
  const ids = new Set(records.map(({ purposeId }) => purposeId))
  return [...ids].flatMap((id) => {
    const own = records.filter(({ purposeId }) => purposeId === id)
    const seen = words.get(own[0]?.noticeHash ?? '')
    if (!seen) return []
    const purpose = purposeIn(seen, id)
    const labels = new Map(purpose?.piiCategories.map(({ name, label }) => [name, label]))
    return [
      {
        purpose: purpose?.purpose ?? id,
        description: purpose?.description ?? '',
        lang: purpose?.language ?? seen.language,
        attributes: [...holding(own)].map(([name, { state }]) => ({
          label: labels.get(name) ?? name,
          state: { key: HOLDS[state] ?? '' },
        })),
      },
    ]
  })
}
