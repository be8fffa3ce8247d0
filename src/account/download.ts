// Download my data: everything that is held about the person, in one file.
import type { Request, Response } from 'express'
import { readAccountData } from '../db/account-data.ts'
import { PageError } from '../web/errors.ts'
import { type Room, userOf } from './desk.ts'

export const DOWNLOAD = '/download'

export const downloadRoom: Room = (desk) => {
  const { house } = desk
  return [{ method: 'get', path: DOWNLOAD, handler: send }]

  async function send(_req: Request, res: Response): Promise<void> {
    const data = await readAccountData(house.db, userOf(res).id)
    if (!data) throw new PageError(404, 'missing')
    const file = { organization: house.settings().organization.name, madeAt: house.now(), ...data }
    res
      .set({ 'Cache-Control': 'no-store', 'Content-Disposition': 'attachment; filename="my-data.json"' })
      .type('json')
      .send(`${JSON.stringify(file, null, 2)}\n`)
  }
}
