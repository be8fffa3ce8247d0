// Identity Providers, edit: everything that is said of one, checked as the configuration file would be. What the file sets is there to read.
import type { Request, Response } from 'express'
import type { Inspector } from '../login/inspect.ts'
import { callbackAddress } from '../login/ways.ts'
import { findSetting, readSettings, type Setting } from '../settings/entries.ts'
import type { Outcome } from '../settings/outcome.ts'
import { saveEntry } from '../settings/save.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { actorOf, type Desk, type Problem } from './desk.ts'
import { versionIn } from './entry-form.ts'
import { idpAddress } from './idp-addresses.ts'
import { type Difference, differencesOf, factsOf } from './idp-facts.ts'
import { type Fetched, fetchInto } from './idp-fetch.ts'
import { entryOf, formOf, type IdpEntry, type IdpForm, readForm, readSecret, withRows } from './idp-form.ts'
import { consentProblems, issuerProblems, othersProblems, problemsOf, rowProblems } from './idp-problems.ts'
import { CRUMBS, idpOf, isOurs, notThere, readAround } from './idp-setting.ts'

interface Shown {
  form?: IdpForm
  version?: number
  problems?: Problem[]
  status?: number
  found?: Fetched['found'] | undefined
  /** A secret was typed, and is gone with this page. */
  isSecretLost?: boolean
  conflict?: { by?: { actor: string; at: Date } | undefined; differences: Difference[] }
}

export function idpEditPages(desk: Desk, inspector: Inspector): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/identity-providers/:name', roles: OWNER, handler: show },
    { method: 'post', path: '/identity-providers/:name', roles: OWNER, handler: change },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const idp = await idpOf(house, req)
    if (!idp) return notThere(desk, req, res)
    await answer(req, res, idp, {})
  }

  async function change(req: Request, res: Response): Promise<void> {
    const idp = await idpOf(house, req)
    if (!isOurs(desk, req, res, idp)) return
    const fields = readFields(req.body)
    const saved = formOf(idp.entry as unknown as IdpEntry)
    const form = { ...readForm(fields, saved), name: idp.key }
    const secret = readSecret(fields)
    const version = versionIn(fields)
    const again = { form, version, isSecretLost: secret.kind === 'new' }
    const pressed = fields.one('do')
    const rows = withRows(form, pressed)
    if (rows) return answer(req, res, idp, { ...again, form: rows })
    if (pressed === 'fetch') {
      const hasSecret = secret.kind === 'new' || (secret.kind === 'keep' && idp.hasSecret)
      return answer(req, res, idp, { ...again, ...(await fetchInto(form, hasSecret, inspector)) })
    }

    const organization = (await findSetting(house.db, 'organization', 'organization'))?.entry ?? {}
    const problems = [...issuerProblems(form), ...rowProblems(form), ...consentProblems(form, saved, organization)]
    if (problems.length > 0) return answer(req, res, idp, { ...again, problems })
    const outcome = await saveEntry(house, {
      kind: 'idp',
      key: idp.key,
      entry: { ...entryOf(form, secret) },
      expectedVersion: version,
      actor: actorOf(req, res),
    })
    await conclude(req, res, idp, again, outcome)
  }

  async function conclude(
    req: Request,
    res: Response,
    idp: Setting,
    again: Shown & { form: IdpForm },
    outcome: Outcome,
  ): Promise<void> {
    const { form } = again
    switch (outcome.kind) {
      case 'saved': {
        const said = `${form.displayName.trim() || idp.key} is updated`
        return desk.done(req, res, idpAddress(idp.key), [said, ...outcome.warnings].join('. '))
      }
      case 'faults': {
        const problems = [...problemsOf(outcome.faults, form), ...othersProblems(outcome.general)]
        return answer(req, res, idp, { ...again, problems })
      }
      case 'conflict': {
        const { current, by } = outcome
        const theirs = formOf(current.entry as unknown as IdpEntry)
        const conflict = { by, differences: differencesOf(theirs, { ...form, isEnabled: theirs.isEnabled }) }
        return answer(req, res, current, { ...again, version: current.version, status: 409, conflict })
      }
      case 'read-only':
        isOurs(desk, req, res, { ...idp, managedBy: 'file' })
        return
      case 'in-use':
        return answer(req, res, idp, { ...again, problems: [{ field: 'form', text: outcome.message }] })
      default:
        return notThere(desk, req, res)
    }
  }

  async function answer(req: Request, res: Response, idp: Setting, shown: Shown): Promise<void> {
    const saved = formOf(idp.entry as unknown as IdpEntry)
    const { form = saved, problems = [], found, conflict, isSecretLost = false } = shown
    const settings = await readSettings(house.db)
    const around = await readAround(desk, res, settings, idp, form)
    const isFile = idp.managedBy === 'file'
    const page = {
      title: String(saved.displayName || idp.key),
      crumbs: CRUMBS,
      problems,
      name: idp.key,
      self: idpAddress(idp.key),
      isFile,
      managedBy: idp.managedBy,
      isEnabled: idp.isEnabled,
      hasSecret: idp.hasSecret,
      version: shown.version ?? idp.version,
      form,
      facts: isFile ? factsOf(saved) : [],
      callback: callbackAddress(house.publicUrl, idp.key),
      found,
      isSecretLost,
      conflict,
      ...around,
    }
    desk.show(req, res, 'idp-edit', page, shown.status ?? (problems.length > 0 ? 422 : 200))
  }
}
