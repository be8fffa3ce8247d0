// Identity Providers, add: a preset, the address, what the idp gives us, and the address to give to it.
import type { Request, Response } from 'express'
import type { Inspector } from '../login/inspect.ts'
import { callbackAddress } from '../login/ways.ts'
import { saveEntry } from '../settings/save.ts'
import { type Fields, oneParameter, readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { actorOf, type Desk, type Problem } from './desk.ts'
import { problemsOf } from './entry-form.ts'
import { ADD_IDP, IDPS, idpAddress } from './idp-addresses.ts'
import { type Fetched, fetchInto } from './idp-fetch.ts'
import { entryOf, type IdpForm, readForm, readSecret } from './idp-form.ts'
import { emptyForm, PRESETS, type Preset, presetNamed } from './idp-presets.ts'
import { fieldsOf, issuerProblems } from './idp-problems.ts'

interface Shown {
  form: IdpForm
  preset: Preset
  problems?: Problem[]
  found?: Fetched['found'] | undefined
  /** A secret was typed, and is gone with this page. */
  isSecretLost?: boolean
}

export function idpAddPages(desk: Desk, inspector: Inspector): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/identity-providers/add', roles: OWNER, handler: show },
    { method: 'post', path: '/identity-providers/add', roles: OWNER, handler: add },
  ]

  function show(req: Request, res: Response): void {
    const preset = presetNamed(oneParameter(req.query['preset']))
    answer(req, res, { preset, form: emptyForm(preset) })
  }

  async function add(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const preset = presetNamed(fields.one('preset'))
    const form = formIn(fields, preset)
    const secret = readSecret(fields)
    const again = { form, preset, isSecretLost: secret.kind === 'new' }
    const [, chosen] = /^preset-(\w+)$/.exec(fields.one('do')) ?? []
    if (chosen !== undefined) return answer(req, res, { ...again, ...withPreset(form, presetNamed(chosen)) })
    if (fields.one('do') === 'fetch')
      return answer(req, res, { ...again, ...(await fetchInto(form, secret.kind === 'new', inspector)) })

    const wrong = issuerProblems(form)
    if (wrong.length > 0) return answer(req, res, { ...again, problems: wrong })
    const entry = { ...entryOf(form, secret) }
    const outcome = await saveEntry(house, { kind: 'idp', entry, expectedVersion: 0, actor: actorOf(req, res) })
    switch (outcome.kind) {
      case 'saved':
        return desk.done(req, res, idpAddress(outcome.key), saidOf(form, outcome.warnings))
      case 'faults':
        return answer(req, res, { ...again, problems: problemsOf(outcome, fieldsOf(form)) })
      default:
        return answer(req, res, {
          ...again,
          problems: [{ field: 'name', text: 'Another identity provider has this name. Choose another one' }],
        })
    }
  }

  function answer(req: Request, res: Response, shown: Shown): void {
    const { form, preset, problems = [], found, isSecretLost = false } = shown
    const page = {
      title: 'Add identity provider',
      crumbs: [{ label: 'Identity Providers', href: IDPS }],
      problems,
      action: ADD_IDP,
      form,
      preset,
      presets: PRESETS,
      callback: callbackAddress(house.publicUrl, ''),
      found,
      isSecretLost,
    }
    desk.show(req, res, 'idp-add', page, problems.length > 0 ? 422 : 200)
  }
}

function formIn(fields: Fields, preset: Preset): IdpForm {
  const form = readForm(fields, emptyForm(preset))
  // A box that is not ticked is not sent.
  return fields.names.length === 0 ? form : { ...form, isEnabled: fields.one('isEnabled') !== '' }
}

/** Another preset: its scopes and names of claims, and all that was typed beside them. */
function withPreset(form: IdpForm, preset: Preset): { preset: Preset; form: IdpForm } {
  const { scopes, username, mappings } = emptyForm(preset)
  return { preset, form: { ...form, scopes, username, mappings } }
}

function saidOf({ name, displayName }: IdpForm, warnings: string[]): string {
  const added = `${displayName.trim() || name} is added, with No Provisioning: choose below what happens to new people`
  return [added, ...warnings].join('. ')
}
