// Profile: what is kept of a person, where each value came from, since when, and for which purposes.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { listRoles } from '../db/user-roles.ts'
import type { SheetAttribute } from '../db/user-sheet.ts'
import { STANDARD_ATTRIBUTES } from '../provisioning/attributes.ts'
import { shown } from '../provisioning/page.ts'
import { joinName } from '../stores/name.ts'
import { languageOf } from '../web/language.ts'
import type { Message, ShownValue } from '../web/page.ts'
import { type Account, purposeNames, readAccount } from './account.ts'
import { type AccountPage, type Room, userOf } from './desk.ts'
import { EDIT, isMissing, isTheirs } from './edit.ts'
import type { Label } from './spoken.ts'

interface ProfilePage extends AccountPage {
  username: string
  details: Detail[]
  /** What may be kept and is not. */
  missing: { label: Label; href: string }[]
  /** What they may do here. */
  roles: string[]
}

interface Detail {
  label: Label
  value: ShownValue
  origin: Message
  since: Date
  confirmed?: Message
  /** For what it is kept. */
  kept: Message
  /** Where it is changed; absent: it is not the person's to change. */
  href?: string
}

export const profileRoom: Room = (desk) => {
  const { house } = desk
  return [{ method: 'get', path: '', handler: show }]

  async function show(req: Request, res: Response): Promise<void> {
    const { id, store, username } = userOf(res)
    const [account, roles] = await Promise.all([readAccount(house, id, languageOf(res)), listRoles(house.db, id)])
    const { choices, kept, spoken } = account
    const allowed = [...new Set(choices.map(({ attribute }) => attribute))]
    desk.show<ProfilePage>(req, res, 'profile', {
      title: { key: 'account.profile' },
      username: joinName(store, username),
      details: kept.toSorted((one, other) => placeOf(one) - placeOf(other)).map((one) => detailOf(one, account)),
      missing: allowed
        .filter((attribute) => isMissing(account, attribute))
        .map((attribute) => ({ label: spoken.label(attribute), href: editAddress(attribute) })),
      roles,
    })
  }
}

function editAddress(attribute: string): string {
  return `${MY_ACCOUNT_HOME}${EDIT}?${new URLSearchParams({ attribute })}`
}

/** Names come first, and what the operator declared last, in the order of the alphabet. */
function placeOf({ name }: SheetAttribute): number {
  const place = Object.keys(STANDARD_ATTRIBUTES).indexOf(name)
  return place === -1 ? Number.MAX_SAFE_INTEGER : place
}

function detailOf(attribute: SheetAttribute, account: Account): Detail {
  const { name, value, verified, since } = attribute
  const ids = account.choices
    .filter((one) => one.attribute === name && one.state === 'given')
    .map((one) => one.purposeId)
  const canBeConfirmed = name === 'email' || name === 'phone_number'
  return {
    label: account.spoken.label(name),
    value: shown(value),
    origin: originOf(attribute, account.spoken.organization.name),
    since,
    ...(canBeConfirmed ? { confirmed: { key: verified ? 'profile.confirmed' : 'profile.unconfirmed' } } : {}),
    kept:
      ids.length > 0
        ? { key: 'profile.purposes', values: { purpose: purposeNames(account, ids) } }
        : { key: 'profile.unasked' },
    ...(isTheirs(attribute) ? { href: editAddress(name) } : {}),
  }
}

function originOf({ origin, idp }: SheetAttribute, organization: string): Message {
  if (origin === 'person') return { key: 'origin.person' }
  return { key: 'origin.other', values: { name: origin === 'idp' ? (idp ?? '') : organization } }
}
