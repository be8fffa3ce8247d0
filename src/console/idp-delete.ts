// Identity Providers, delete: what goes and what stays, with figures that are counted again when it is confirmed.
import type { Request, Response } from 'express'
import { type Loss, lossOf } from '../db/idp-deletion.ts'
import { checkChange, type OtherFault } from '../settings/check.ts'
import { readSettings, type Setting } from '../settings/entries.ts'
import { erasesUsers, LAST_OWNER, removeEntry } from '../settings/remove.ts'
import { type Fields, readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { actorOf, type Desk, type Problem } from './desk.ts'
import { calledOf, versionIn } from './entry-form.ts'
import { IDPS, idpAddress } from './idp-addresses.ts'
import { CRUMBS, idpOf, isOurs } from './idp-setting.ts'

const number = new Intl.NumberFormat('en-GB')

export function idpDeletePages(desk: Desk): Route[] {
  const { house } = desk
  const path = '/identity-providers/:name/delete'
  return [
    { method: 'get', path, roles: OWNER, fresh: true, handler: show },
    { method: 'post', path, roles: OWNER, fresh: true, handler: remove },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const idp = await idpOf(house, req)
    if (isOurs(desk, req, res, idp)) await answer(req, res, idp, await readMeaning(idp), [])
  }

  async function remove(req: Request, res: Response): Promise<void> {
    const idp = await idpOf(house, req)
    // Whoever pressed twice, or was second, sees the same as the first.
    if (!idp) return desk.done(req, res, IDPS, 'It is deleted')
    if (!isOurs(desk, req, res, idp)) return
    const fields = readFields(req.body)
    const meaning = await readMeaning(idp)
    const change = changeOf(fields, meaning)
    if (change) {
      // Nobody is left of one that somebody else deleted between the two looks.
      if (!(await idpOf(house, req))) return desk.done(req, res, IDPS, 'It is deleted')
      return answer(req, res, idp, meaning, [{ field: 'confirm', text: change }], 409)
    }
    if (fields.one('confirm').trim() !== idp.key)
      return answer(req, res, idp, meaning, [{ field: 'confirm', text: `Type “${idp.key}” to confirm` }], 422)

    const outcome = await removeEntry(house, {
      kind: 'idp',
      key: idp.key,
      expectedVersion: versionIn(fields),
      actor: actorOf(req, res),
      withIdentities: true,
    })
    switch (outcome.kind) {
      case 'deleted':
        if (outcome.inBatches) return res.redirect(303, idpAddress(idp.key, '/deletion'))
        return desk.done(req, res, IDPS, `${idp.entry['displayName']} is deleted`)
      case 'gone':
        return desk.done(req, res, IDPS, `${idp.entry['displayName']} is deleted`)
      case 'in-use':
        return answer(req, res, idp, meaning, [{ field: 'confirm', text: outcome.message }], 409)
      case 'faults':
        return answer(
          req,
          res,
          idp,
          meaning,
          outcome.general.map((fault) => ({
            field: 'confirm',
            text: `${calledOf(fault)} names it and has to let it go first`,
          })),
          422,
        )
      case 'conflict': {
        const who = outcome.by?.actor ?? 'Somebody'
        const text = `${who} changed this identity provider while you were on this page. Check and confirm again`
        return answer(req, res, outcome.current, meaning, [{ field: 'confirm', text }], 409)
      }
      default:
        isOurs(desk, req, res, { ...idp, managedBy: 'file' })
    }
  }

  async function readMeaning(idp: Setting): Promise<Meaning> {
    const loss = await lossOf(house.db, idp.id ?? '')
    const { people, erased, kept, stranded } = loss
    // Read as it is now: another process may have been told otherwise a moment ago.
    const erases = erasesUsers(await readSettings(house.db))
    return { loss, erases, figures: erases ? { erased, kept } : { people, peopleWithoutOther: erased + stranded } }
  }

  async function answer(
    req: Request,
    res: Response,
    idp: Setting,
    { loss, erases, figures }: Meaning,
    problems: Problem[],
    status = 200,
  ): Promise<void> {
    const called = String(idp.entry['displayName'])
    const { general } = checkChange(await readSettings(house.db), { kind: 'idp', current: idp }, house)
    const page = {
      title: `Delete ${called}`,
      crumbs: [...CRUMBS, { label: called, href: idpAddress(idp.key) }],
      problems,
      self: idpAddress(idp.key, '/delete'),
      back: idpAddress(idp.key),
      name: idp.key,
      called,
      version: idp.version,
      isEnabled: idp.isEnabled,
      erases,
      loss,
      figures,
      lastOwner: loss.losesLastOwner ? LAST_OWNER : undefined,
      blockers: general.map((fault) => ({ label: calledOf(fault), href: pageOf(res, fault) })),
    }
    desk.show(req, res, 'idp-delete', page, status)
  }

  /** The page of an application, once it is there; nothing else names an identity provider. */
  function pageOf(res: Response, { kind, key = '' }: OtherFault): string | undefined {
    if (kind !== 'application' || !desk.mayOpen(res, '/applications/:key')) return undefined
    return `/console/applications/${encodeURIComponent(key)}`
  }
}

interface Meaning {
  loss: Loss
  /** Whoever has no other way in goes with it. */
  erases: boolean
  /** What the page says, and the form says again. */
  figures: Record<string, number>
}

/** What became of the figures since the page was shown; undefined when they are the same. */
function changeOf(fields: Fields, { figures }: Meaning): string | undefined {
  for (const [name, is] of Object.entries(figures)) {
    const was = fields.one(name)
    if (was === String(is)) continue
    const before = /^\d{1,9}$/.test(was) ? number.format(Number(was)) : 'none'
    return `The number changed from ${before} to ${number.format(is)} while you were on this page. Check and confirm again`
  }
  return undefined
}
