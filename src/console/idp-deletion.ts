// Identity Providers, being deleted: how far that is, for whoever comes back to look; the page goes on by itself until it is done.
import type { Request, Response } from 'express'
import { lastChange } from '../db/changes.ts'
import { findLeavingIdp, type LeavingIdp } from '../db/idp-deletion.ts'
import { progressOf, totalsOf } from '../deletion/words.ts'
import { findSetting } from '../settings/entries.ts'
import { OWNER, type Route } from './access.ts'
import type { Desk } from './desk.ts'
import { IDPS, idpAddress } from './idp-addresses.ts'
import { CRUMBS, isName, notThere } from './idp-setting.ts'

/** By a header, which stops at the last page: it needs no script and no element. */
const LOOK_AGAIN_SECONDS = 3

export function idpDeletionPages(desk: Desk): Route[] {
  const { db } = desk.house
  return [{ method: 'get', path: '/identity-providers/:name/deletion', roles: OWNER, handler: show }]

  async function show(req: Request, res: Response): Promise<void> {
    const name = String(req.params['name'])
    if (!isName(name)) return notThere(desk, req, res)
    const idp = await findLeavingIdp(db, name)
    if (idp) return showProgress(req, res, idp)
    // Another one was added by the same name since.
    if (await findSetting(db, 'idp', name)) return res.redirect(303, idpAddress(name))
    const last = await lastChange(db, 'idp', name)
    if (last?.action !== 'deleted' || last.after?.['erased'] === undefined) return notThere(desk, req, res)
    const called = String(last.before?.['displayName'] ?? name)
    const page = { called, isDone: true, totals: totalsOf(last.after), at: last.at, back: IDPS }
    desk.show(req, res, 'idp-deletion', { title: `${called} is deleted`, crumbs: CRUMBS, ...page })
  }

  function showProgress(req: Request, res: Response, { displayName: called, deletion }: LeavingIdp): void {
    const { counted, done, actor, begunAt } = deletion
    res.set('Refresh', String(LOOK_AGAIN_SECONDS))
    desk.show(req, res, 'idp-deletion', {
      title: `Deleting ${called}`,
      crumbs: CRUMBS,
      called,
      isDone: false,
      progress: progressOf(deletion),
      // Somebody who closed their account meanwhile is counted and never met.
      share: counted.people === 0 ? 1 : Math.min(1, (done.erased + done.kept) / counted.people),
      done,
      by: actor.name,
      at: new Date(begunAt),
      back: IDPS,
    })
  }
}
