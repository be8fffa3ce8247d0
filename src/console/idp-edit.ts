// Identity Providers, edit: everything that is said of one, checked as the configuration file would be. What the file sets is there to read.
import type { Request, Response } from 'express'
import type { Inspector } from '../login/inspect.ts'
import { callbackAddress } from '../login/ways.ts'
import { findSetting, readSettings, type Setting } from '../settings/entries.ts'
import type { Outcome } from '../settings/outcome.ts'
import { saveEntry } from '../settings/save.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { actorOf, type Desk } from './desk.ts'
import { type Refusal, refusalOf, versionIn } from './entry-form.ts'
import { idpAddress } from './idp-addresses.ts'
import { compareForms, factsOf } from './idp-facts.ts'
import { type Fetched, fetchInto } from './idp-fetch.ts'
import { entryOf, formOf, type IdpEntry, type IdpForm, pairsIn, readForm, readSecret, withRows } from './idp-form.ts'
import { consentProblems, fieldsOf, issuerProblems, rowProblems } from './idp-problems.ts'
import { CRUMBS, idpOf, isBeingDeleted, isOurs, notThere, readAround } from './idp-setting.ts'
import { mappedAttributes } from './idp-words.ts'

interface Shown extends Partial<Omit<Refusal, 'status'>> {
  form?: IdpForm
  status?: number
  found?: Fetched['found'] | undefined
  /** A secret was typed, and is gone with this page. */
  isSecretLost?: boolean
  /** A row of attributes was just added or removed. */
  isMappingChanged?: boolean
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
    if (!isBeingDeleted(res, idp)) await answer(req, res, idp, {})
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
    if (rows) return answer(req, res, idp, { ...again, form: rows, isMappingChanged: rows.mappings !== form.mappings })
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
      case 'read-only':
        isOurs(desk, req, res, { ...idp, managedBy: 'file' })
        return
      case 'gone':
      case 'deleted':
        return notThere(desk, req, res)
      default: {
        const differences = (entry: object) => {
          const theirs = formOf(entry as IdpEntry)
          return compareForms(theirs, { ...form, isEnabled: theirs.isEnabled })
        }
        const refusal = refusalOf(outcome, { fields: fieldsOf(form), differences })
        const shown = outcome.kind === 'conflict' ? outcome.current : idp
        return answer(req, res, shown, { ...again, ...refusal })
      }
    }
  }

  async function answer(req: Request, res: Response, idp: Setting, shown: Shown): Promise<void> {
    const saved = formOf(idp.entry as unknown as IdpEntry)
    const { form = saved, problems = [], found, conflict, isSecretLost = false, isMappingChanged = false } = shown
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
      mapped: mappedAttributes(pairsIn(form.mappings).length),
      isMappingOpen: isMappingChanged || problems.some(({ field }) => /^(add-)?mapping\b/.test(field)),
      conflict,
      ...around,
    }
    desk.show(req, res, 'idp-edit', page, shown.status ?? (problems.length > 0 ? 422 : 200))
  }
}
