// Backup codes: shown once, when they are made, and never again.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { renewBackupCodes } from '../db/factor-changes.ts'
import { backupCodesMadeAt, factorsOf } from '../db/user-factors.ts'
import { createSecondFactors } from '../factors/show.ts'
import { PageError } from '../web/errors.ts'
import { readFields } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import { type AccountPage, type Desk, type Room, SIGN_IN, userOf } from './desk.ts'
import { FACTORS, noteOf, showerOf } from './factors.ts'

interface NewCodesPage extends AccountPage {
  action: string
  back: string
  /** Which codes they take the place of. */
  seen: string
}

interface CodesPage extends AccountPage {
  said: Message
  codes: string[]
  /** The same as a file, in the page itself: nobody has to be asked for it again. */
  file: string
  back: string
}

export const backupCodesRoom: Room = (desk) => {
  const { house } = desk
  const secondFactors = createSecondFactors(house)
  const path = `${FACTORS}/backup-codes`
  const isThere = () => house.settings().enhanced.isOn
  return [
    { method: 'get', path, fresh: true, isThere, handler: show },
    { method: 'post', path, fresh: true, isThere, handler: submit },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const { id } = userOf(res)
    if ((await factorsOf(house.db, id)).kinds.length === 0) throw new PageError(404, 'missing')
    desk.show<NewCodesPage>(req, res, 'backup-codes-new', {
      title: { key: 'factors.backup.new' },
      action: `${MY_ACCOUNT_HOME}${path}`,
      back: `${MY_ACCOUNT_HOME}${SIGN_IN}`,
      seen: (await backupCodesMadeAt(house.db, id))?.toISOString() ?? '',
    })
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const { userId, language, client } = showerOf(req, res)
    const typed = readFields(req.body).one('seen')
    const seen = typed === '' ? undefined : new Date(typed)
    // Before the work of ten hashes.
    if ((await backupCodesMadeAt(house.db, userId))?.getTime() !== seen?.getTime())
      return desk.done(req, res, SIGN_IN, { key: 'FACTORS_ALREADY' })
    const { kept: backupCodes, told } = await secondFactors.makeBackupCodes(client)
    const note = noteOf(house, req, res)
    const isDone = await renewBackupCodes(house, { userId, language }, { backupCodes, seen, note })
    if (!isDone) return desk.done(req, res, SIGN_IN, { key: 'FACTORS_ALREADY' })
    showBackupCodes(desk, req, res, { key: 'FACTORS_CODES' }, told)
  }
}

/** The page with new codes, in answer to the form that made them; on to the page Sign-in when there are none to show. */
export function showBackupCodes(desk: Desk, req: Request, res: Response, said: Message, codes: string[]): void {
  if (codes.length === 0) return desk.done(req, res, SIGN_IN, said)
  const { organization } = desk.house.settings()
  const text = `${organization.name} – ${desk.house.publicUrl.host}\n\n${codes.join('\n')}\n`
  desk.show<CodesPage>(req, res, 'backup-codes', {
    title: { key: 'factor.codes.title' },
    said,
    codes,
    file: `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`,
    back: `${MY_ACCOUNT_HOME}${SIGN_IN}`,
  })
}
