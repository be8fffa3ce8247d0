// Activity: the person's sign-ins and what they did here, in words, newest first.
import type { Request, Response } from 'express'
import { type Happening, KEEP_DAYS, listHappenings } from '../db/account-activity.ts'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { textParameter } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import { type Account, purposeNames, readAccount } from './account.ts'
import { type AccountPage, type Room, userOf } from './desk.ts'

const ACTIVITY = '/activity'
const PAGE = 25

interface ActivityPage extends AccountPage {
  days: number
  happenings: { what: Message; at: Date; code?: string }[]
  /** The next page, if there is one, and the first, if this is another. */
  older?: string
  newest?: string
}

export const activityRoom: Room = (desk) => {
  const { house } = desk
  return [{ method: 'get', path: ACTIVITY, handler: show }]

  async function show(req: Request, res: Response): Promise<void> {
    const { id } = userOf(res)
    const before = textParameter(req.query['before'])
    const [account, found] = await Promise.all([
      readAccount(house, res),
      listHappenings(house.db, id, { before, limit: PAGE + 1, now: house.now() }),
    ])
    const rows = found.slice(0, PAGE)
    const here = `${MY_ACCOUNT_HOME}${ACTIVITY}`
    const last = rows.at(-1)
    desk.show<ActivityPage>(req, res, 'activity', {
      title: { key: 'account.activity' },
      days: KEEP_DAYS,
      happenings: rows.flatMap((row) => {
        const what = whatOf(row, account)
        return what ? [{ what, at: row.at, ...(row.code === null ? {} : { code: row.code }) }] : []
      }),
      ...(found.length > PAGE && last ? { older: `${here}?${new URLSearchParams({ before: last.cursor })}` } : {}),
      ...(before === undefined ? {} : { newest: here }),
    })
  }
}

/** Undefined for what says nothing to people. */
function whatOf(happening: Happening, account: Account): Message | undefined {
  const { event, detail, idp, door } = happening
  const app = happening.application ?? (door === 'my-account' ? account.spoken.organization.name : '')
  const where = app === '' ? '' : '.app'
  const attribute = account.spoken.label(detail['attribute'] ?? '').text
  const purpose = purposeNames(account, [detail['purpose'] ?? ''])
  switch (event) {
    case 'user-created':
      return idp === null ? { key: 'activity.joined.other' } : { key: 'activity.joined', values: { idp } }
    case 'sign-in':
      if (idp === null) return { key: where ? 'activity.signin.app.other' : 'activity.signin.other', values: { app } }
      return { key: where ? 'activity.signin.app' : 'activity.signin', values: { idp, app } }
    case 'sign-in-local':
      return { key: where ? 'activity.password.app' : 'activity.password', values: { app } }
    case 'proved':
      return { key: 'activity.proved' }
    case 'attribute-changed':
      return { key: 'activity.changed', values: { attribute } }
    case 'consent-given':
      return { key: 'activity.allowed', values: { attribute, purpose } }
    case 'consent-withdrawn':
      return { key: 'activity.stopped', values: { attribute, purpose } }
    case 'connected':
      // As it was called then. The sign-in that connected it has a line of its own, and it is told once.
      return detail['idp'] === undefined ? undefined : { key: 'activity.connected', values: { idp: detail['idp'] } }
    case 'disconnected':
      return { key: 'activity.disconnected', values: { idp: detail['idp'] ?? '' } }
    default:
      return SAID[event]
  }
}

/** What needs no more words than these. */
const SAID: Record<string, Message> = {
  'password-set': { key: 'activity.password-set' },
  'password-changed': { key: 'activity.password-changed' },
  'session-ended': { key: 'activity.session-ended' },
  'signed-out-everywhere': { key: 'activity.signed-out-everywhere' },
  'factor-added': { key: 'activity.factor-added' },
  'factor-removed': { key: 'activity.factor-removed' },
  'backup-codes-made': { key: 'activity.backup-codes-made' },
  'backup-code-used': { key: 'activity.backup-code-used' },
}
