// One identity provider as its pages need it: the setting, what stands around it, and what to say when it cannot be changed.
import type { Request, Response } from 'express'
import { countPeople } from '../db/idp-list.ts'
import type { House } from '../house.ts'
import { STANDARD_ATTRIBUTES } from '../provisioning/attributes.ts'
import { findSetting, type Setting, type Settings } from '../settings/entries.ts'
import { AS_IN_USERNAME } from '../stores/name.ts'
import type { Desk } from './desk.ts'
import { IDPS, idpAddress } from './idp-addresses.ts'
import type { IdpForm } from './idp-form.ts'
import {
  ASSOCIATE,
  MODE_LABELS,
  noProvisioningEffect,
  SCHEMES,
  SYNC_METHODS,
  schemeEffect,
  switchEffect,
} from './idp-words.ts'

export const CRUMBS = [{ label: 'Identity Providers', href: IDPS }]
/** More people than there are. */
const ALL = 2 ** 31 - 1

/** The one that the address names. */
export async function idpOf({ db }: House, req: Request): Promise<Setting | undefined> {
  const name = String(req.params['name'])
  return isName(name) ? findSetting(db, 'idp', name) : undefined
}

/** No other name can be one, and PostgreSQL knows no other text. */
export function isName(name: string): boolean {
  return /^[\w.-]{1,63}$/.test(name)
}

export function notThere(desk: Desk, req: Request, res: Response): void {
  const back = { label: 'Go to identity providers', href: IDPS }
  desk.stop(req, res, 404, 'There is no such identity provider', 'It may have been deleted meanwhile.', back)
}

/** Whether it is being deleted: nothing is changed any more, and whoever comes sees how far that is. */
export function isBeingDeleted(res: Response, idp: Setting): boolean {
  if (idp.isLeaving) res.redirect(303, idpAddress(idp.key, '/deletion'))
  return idp.isLeaving === true
}

/** Whether the console may change it; says so to whoever tries otherwise. */
export function isOurs(desk: Desk, req: Request, res: Response, idp: Setting | undefined): idp is Setting {
  if (idp && isBeingDeleted(res, idp)) return false
  if (idp && idp.managedBy !== 'file') return true
  if (!idp) notThere(desk, req, res)
  else {
    const body = 'What the file says is changed there, and holds from the next start.'
    desk.stop(req, res, 409, 'Set by the configuration file', body, { label: 'Go back', href: idpAddress(idp.key) })
  }
  return false
}

/** The links to pages beside the edit page, each shown once it is there. */
const BESIDE = [
  ['/test-sign-in', 'Test sign-in'],
  ['/test-connection', 'Test connection'],
  ['/try-mapping', 'Try this mapping'],
] as const

/** What the edit page shows beside the form: choices, effects, figures and ways on. */
export async function readAround(desk: Desk, res: Response, settings: Settings, idp: Setting, form: IdpForm) {
  const people = (await countPeople(desk.house.db, [idp.id ?? ''], ALL)).get(idp.id ?? '') ?? 0
  const called = form.displayName.trim() || idp.key
  const declared = settings.attribute.filter(({ isEnabled }) => isEnabled).map(({ key }) => key)
  const stores = settings.userStore.filter(({ isEnabled }) => isEnabled).map(({ key }) => key)
  const attributes = form.mappings.filter(({ theirs }) => theirs !== '').map(({ ours }) => ours)
  const purposes = settings.purpose.filter(({ isEnabled }) => isEnabled).length
  const facts = { idp: called, usernameClaim: form.username, attributes, purposes }
  const ours = settings.idp.filter(({ managedBy }) => managedBy === 'console').map(({ key }) => key)
  const place = ours.indexOf(idp.key)
  return {
    people,
    attributeNames: withOthers(
      [...Object.keys(STANDARD_ATTRIBUTES), ...declared],
      form.mappings.map(({ ours }) => ours),
    ),
    stores: withOthers([...stores, AS_IN_USERNAME], [form.userstore]),
    labels: MODE_LABELS,
    noProvisioning: noProvisioningEffect(people),
    schemes: SCHEMES.map((scheme) => ({ scheme, label: MODE_LABELS[scheme], effect: schemeEffect(scheme, facts) })),
    associate: ASSOCIATE,
    syncMethods: SYNC_METHODS,
    switched: switchEffect(idp.isEnabled, called, people),
    /** Pages of the operator's own, which ask in place of ours. */
    elsewhere: Object.values(desk.house.settings().elsewhere),
    isFirst: place <= 0,
    isLast: place === ours.length - 1,
    place: settings.idp.findIndex(({ key }) => key === idp.key) + 1,
    places: settings.idp.length,
    beside: BESIDE.filter(([below]) => desk.mayOpen(res, `/identity-providers/:name${below}`)).map(
      ([below, label]) => ({
        label,
        href: idpAddress(idp.key, below),
      }),
    ),
  }
}

/** What there is to choose, and what is chosen though it is there no more. */
function withOthers(known: string[], chosen: string[]): string[] {
  return [...new Set([...known, ...chosen.filter((one) => one !== '')])]
}
