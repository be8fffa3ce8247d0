// Profile: what is kept of a person, where each value came from, since when, and for which purposes.
import type { Request, Response } from 'express'
import { listAttributes } from '../db/user-sheet.ts'
import type { Message } from '../web/page.ts'
import { type AccountPage, type Room, userOf } from './desk.ts'

interface ProfilePage extends AccountPage {
  username: string
  attributes: { label: Message | string; value: string; since: Date }[]
}

export const profileRoom: Room = (desk) => {
  const { house } = desk
  return [{ method: 'get', path: '', handler: show }]

  async function show(req: Request, res: Response): Promise<void> {
    const { id, username } = userOf(res)
    const attributes = await listAttributes(house.db, id)
    desk.show<ProfilePage>(req, res, 'profile', {
      title: { key: 'account.profile' },
      username,
      attributes: attributes.map(({ name, displayName, value, since }) => ({
        label: displayName ?? { key: `attribute.${name}` },
        value: String(value),
        since,
      })),
    })
  }
}
