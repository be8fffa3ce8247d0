// History of my choices: every record of a person, the newest first, and the words of then.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { noticeShownTo, recordsOf } from '../db/consent-chain.ts'
import type { Words } from '../records/receipt.ts'
import { PageError } from '../web/errors.ts'
import { textParameter } from '../web/forms.ts'
import { type AccountPage, type Room, userOf } from './desk.ts'
import { type Entry, entryOf, WORDS, wordsOf } from './records.ts'

const HISTORY = '/privacy/history'
const SIZE = 50

interface HistoryPage extends AccountPage {
  entries: Entry[]
  /** Where it goes on, if it does. */
  older?: string
  /** Back to the first page, from any other. */
  newest?: string
}

interface WordsPage extends AccountPage {
  words: Words
  hash: string
}

export const historyRoom: Room = (desk) => {
  const { house } = desk
  const here = `${MY_ACCOUNT_HOME}${HISTORY}`
  return [
    { method: 'get', path: HISTORY, handler: show },
    { method: 'get', path: WORDS, handler: showWords },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const before = numberOf(req.query['before'])
    // One more than the page has, which says whether it goes on.
    const found = await recordsOf(house.db, userOf(res).id, { before, limit: SIZE + 1 })
    const records = found.slice(0, SIZE)
    const words = await wordsOf(house.db, records)
    desk.show<HistoryPage>(req, res, 'history', {
      title: { key: 'history.title' },
      entries: records.map((record) => entryOf(record, words)),
      ...(found.length > SIZE
        ? { older: `${here}?${new URLSearchParams({ before: String(records.at(-1)?.sequence) })}` }
        : {}),
      ...(before === undefined ? {} : { newest: here }),
    })
  }

  async function showWords(req: Request, res: Response): Promise<void> {
    const notice = await noticeShownTo(house.db, userOf(res).id, textParameter(req.query['notice']) ?? '')
    if (!notice) throw new PageError(404, 'missing')
    const words: Words = JSON.parse(notice.content)
    desk.show<WordsPage>(req, res, 'words', { title: { key: 'words.title' }, words, hash: notice.hash })
  }
}

/** The number of a record; anything else is 404, as of somebody else's. */
function numberOf(value: unknown): number | undefined {
  if (value === undefined) return undefined
  const text = textParameter(value) ?? ''
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new PageError(404, 'missing')
  return Number(text)
}
