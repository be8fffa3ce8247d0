// To stop what is needed: keep the account, take everything along, or close it. Nothing happens on this page.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { PageError } from '../web/errors.ts'
import { textParameter } from '../web/forms.ts'
import { findItem, readAccount } from './account.ts'
import { CLOSE } from './close.ts'
import type { AccountPage, Room } from './desk.ts'
import { DOWNLOAD } from './download.ts'
import { NEEDED, PRIVACY } from './privacy.ts'

interface NeededPage extends AccountPage {
  purpose: string
  keep: string
  close: string
  download: string
}

export const neededRoom: Room = (desk) => {
  const { house } = desk
  return [{ method: 'get', path: NEEDED, handler: show }]

  async function show(req: Request, res: Response): Promise<void> {
    const attribute = textParameter(req.query['attribute']) ?? ''
    const account = await readAccount(house, res)
    const found = findItem(account, textParameter(req.query['purpose']), attribute)
    if (!found) throw new PageError(404, 'missing')
    const { section, item } = found
    // Not needed any more, or not kept: the other page says what is.
    if (item.can !== 'ask') return res.redirect(303, `${MY_ACCOUNT_HOME}${PRIVACY}`)
    desk.show<NeededPage>(req, res, 'needed', {
      title: { key: 'needed.title', values: { attribute: account.spoken.label(attribute).text } },
      purpose: section.purpose.purpose,
      keep: `${MY_ACCOUNT_HOME}${PRIVACY}`,
      close: `${MY_ACCOUNT_HOME}${CLOSE}`,
      download: `${MY_ACCOUNT_HOME}${DOWNLOAD}`,
    })
  }
}
