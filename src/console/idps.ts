// Identity Providers: the list of them, and where each is found.
import type { Request, Response } from 'express'
import { lastSignIns } from '../db/audit.ts'
import { countIdps, countPeople, listIdpPage, type Place } from '../db/idp-list.ts'
import { createInspector } from '../login/inspect.ts'
import { oneParameter } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import type { Desk } from './desk.ts'
import { idpActions } from './idp-actions.ts'
import { idpAddPages } from './idp-add.ts'
import { ADD_IDP, IDPS, idpAddress } from './idp-addresses.ts'
import { idpDeletePages } from './idp-delete.ts'
import { idpDeletionPages } from './idp-deletion.ts'
import { idpEditPages } from './idp-edit.ts'
import { idpPreviewPages } from './idp-preview.ts'
import { MODE_LABELS } from './idp-words.ts'

const PAGE = 25
/** On the list, people are counted this far; the page of an idp counts all of its own. */
const COUNTED = 10_000

export function idpsScreen(desk: Desk): Route[] {
  const { house } = desk
  const inspector = createInspector(house)
  return [
    { method: 'get', path: '/identity-providers', roles: OWNER, handler: list },
    // Before the pages of one: add is no name there.
    ...idpAddPages(desk, inspector),
    ...idpEditPages(desk, inspector),
    ...idpActions(desk),
    ...idpDeletePages(desk),
    ...idpDeletionPages(desk),
    ...idpPreviewPages(desk),
  ]

  async function list(req: Request, res: Response): Promise<void> {
    const search = oneParameter(req.query['search'])?.trim() ?? ''
    const state = oneParameter(req.query['state']) ?? ''
    const filter = { search: isText(search) ? search : '', isEnabled: STATES.get(state) }
    const behind = placeIn(oneParameter(req.query['after']))
    const found = isText(search) ? await listIdpPage(house.db, filter, behind, PAGE + 1) : []
    const idps = found.slice(0, PAGE)
    const ids = idps.map(({ id }) => id)
    const [people, signIns, total] = [
      await countPeople(house.db, ids, COUNTED + 1),
      await lastSignIns(house.db, ids),
      isText(search) ? await countIdps(house.db, filter) : 0,
    ]
    const last = idps.at(-1)
    const isFiltered = search !== '' || filter.isEnabled !== undefined
    const here = { ...(search === '' ? {} : { search }), ...(STATES.has(state) ? { state } : {}) }
    desk.show(req, res, 'idps', {
      title: 'Identity Providers',
      idps: idps.map((idp) => ({
        ...idp,
        kind: 'OIDC',
        mode: MODE_LABELS[idp.jitEnabled ? idp.scheme : 'NONE'],
        people: people.get(idp.id) ?? 0,
        lastSignIn: signIns.get(idp.id),
        href: idpAddress(idp.name, idp.isLeaving ? '/deletion' : ''),
      })),
      search,
      state: STATES.has(state) ? state : '',
      counted: COUNTED,
      total,
      isFiltered,
      first: behind ? addressWith(here) : undefined,
      next: found.length > PAGE && last ? addressWith({ ...here, after: `${last.position}.${last.name}` }) : undefined,
      add: ADD_IDP,
    })
  }
}

const STATES: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['off', false],
])

/** PostgreSQL knows no other text. */
function isText(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0')
}

/** The place that `after` names: the position and the name of the last one on the page before. */
function placeIn(after: string | undefined): Place | undefined {
  const [, position, name] = /^(-?\d{1,9})\.([\w.-]{1,63})$/.exec(after ?? '') ?? []
  return position === undefined || name === undefined ? undefined : { position: Number(position), name }
}

function addressWith(query: Record<string, string>): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? IDPS : `${IDPS}?${text}`
}
