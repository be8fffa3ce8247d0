// Profile: what is kept of a person, where each value came from, since when, and for which purposes.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import type { Keeper } from '../db/read-only.ts'
import type { SheetAttribute } from '../db/user-sheet.ts'
import { waysInOf } from '../db/ways-in.ts'
import { STANDARD_ATTRIBUTES } from '../provisioning/attributes.ts'
import { shown } from '../provisioning/page.ts'
import { isLikeUniqueId } from '../provisioning/username.ts'
import { joinName } from '../stores/name.ts'
import type { Message, ShownValue } from '../web/page.ts'
import { type Account, purposeNames, readAccount } from './account.ts'
import { type AccountPage, type Room, userOf } from './desk.ts'
import { EDIT, isMissing, isTheirs } from './edit.ts'
import type { Label } from './spoken.ts'

interface ProfilePage extends AccountPage {
  username: string
  /** Of a username that was made for them: what it is, and what for. */
  made: Message[]
  details: Detail[]
  /** What may be kept and is not. */
  missing: { label: Label; href?: string; readOnly?: Message }[]
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
  /** Who changes it in their place. */
  readOnly?: Message
}

export const profileRoom: Room = (desk) => {
  const { house } = desk
  return [{ method: 'get', path: '', handler: show }]

  async function madeFor(userId: string): Promise<Message[]> {
    const { hasPassword, idps } = await waysInOf(house.db, userId)
    const idp = idps[0]?.displayName
    return [
      ...(idp === undefined ? [] : [{ key: 'names.yours', values: { idp } }]),
      ...(hasPassword ? [{ key: 'names.yours.password' }] : []),
    ]
  }

  async function show(req: Request, res: Response): Promise<void> {
    const { id, store, username } = userOf(res)
    const account = await readAccount(house, res)
    const { choices, kept, roles } = account
    const allowed = [...new Set(choices.map(({ attribute }) => attribute))]
    desk.show<ProfilePage>(req, res, 'profile', {
      title: { key: 'account.profile' },
      username: joinName(store, username),
      made: isLikeUniqueId(username) ? await madeFor(id) : [],
      details: kept.toSorted((one, other) => placeOf(one) - placeOf(other)).map((one) => detailOf(one, account)),
      missing: allowed
        .filter((attribute) => isMissing(account, attribute))
        .map((attribute) => missingOf(attribute, account)),
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
  const keeper = account.keepers.get(name)
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
    ...(isTheirs(attribute) && !keeper ? { href: editAddress(name) } : {}),
    ...(keeper ? { readOnly: readOnlyOf(keeper, account.spoken.organization.name) } : {}),
  }
}

function missingOf(attribute: string, { spoken, keepers }: Account): ProfilePage['missing'][number] {
  const keeper = keepers.get(attribute)
  const label = spoken.label(attribute)
  if (!keeper) return { label, href: editAddress(attribute) }
  return { label, readOnly: readOnlyOf(keeper, spoken.organization.name, 'readonly.missing') }
}

/** Where an idp is off, there is somebody to ask. */
function readOnlyOf({ idp, isEnabled }: Keeper, org: string, key = 'readonly.idp'): Message {
  return isEnabled ? { key, values: { idp } } : { key: 'readonly.off', values: { idp, org } }
}

function originOf({ origin, idp }: SheetAttribute, organization: string): Message {
  if (origin === 'person') return { key: 'origin.person' }
  return { key: 'origin.other', values: { name: origin === 'idp' ? (idp ?? '') : organization } }
}
