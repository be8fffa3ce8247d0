// Consent purposes: why attributes are kept, in the words that people read and tick.
import type { Request, Response } from 'express'
import { lastChanges } from '../db/changes.ts'
import { countAnswers } from '../db/consents.ts'
import { customAttributes } from '../db/purposes.ts'
import { STANDARD_ATTRIBUTES } from '../provisioning/attributes.ts'
import { readSettings, type Setting } from '../settings/entries.ts'
import { moveEntry } from '../settings/move.ts'
import type { Outcome } from '../settings/outcome.ts'
import { saveEntry } from '../settings/save.ts'
import { setEnabled } from '../settings/switch.ts'
import { readFields } from '../web/forms.ts'
import { PRIVACY, type Route } from './access.ts'
import { actorOf, type Desk, type Problem } from './desk.ts'
import { type Refusal, versionIn } from './entry-form.ts'
import { entryScreen, type Removal } from './entry-screen.ts'
import {
  keyFor,
  NEW_PURPOSE,
  purposeEntry,
  purposeFields,
  readPurpose,
  type TypedPurpose,
  typedOf,
  withoutEmptyRows,
} from './purpose-form.ts'
import { previewOf } from './purpose-preview.ts'
import { languagesFor } from './spoken.ts'

const RESIDENT = '/resident'
const ONBOARDING = `${RESIDENT}/user-onboarding`
const ASK_PASSWORD = `${ONBOARDING}/ask-password`
const PURPOSES = `${ASK_PASSWORD}/purposes`
// No purpose has a key with a slash.
const ADD = `${PURPOSES}/add/new`

const at = (path: string) => `/console${path}`
const CRUMBS = [
  { label: 'Resident', href: at(RESIDENT) },
  { label: 'User Onboarding', href: at(ONBOARDING) },
  { label: 'Ask Password', href: at(ASK_PASSWORD) },
]
const UNDER_PURPOSES = [...CRUMBS, { label: 'Consent Purposes', href: at(PURPOSES) }]

export function purposesScreen(desk: Desk): Route[] {
  const { house } = desk
  const subject = { kind: 'purpose' as const, noun: 'purpose', path: PURPOSES, crumbs: UNDER_PURPOSES, roles: PRIVACY }
  const screen = entryScreen(desk, subject)
  const step = (path: string, title: string, crumbs: number, href: string, label: string): Route => ({
    method: 'get',
    path,
    roles: PRIVACY,
    handler: (req, res) =>
      desk.show(req, res, 'resident', { title, crumbs: CRUMBS.slice(0, crumbs), link: { href: at(href), label } }),
  })
  return [
    step(RESIDENT, 'Resident', 0, ONBOARDING, 'User Onboarding'),
    step(ONBOARDING, 'User Onboarding', 1, ASK_PASSWORD, 'Ask Password'),
    step(ASK_PASSWORD, 'Ask Password', 2, PURPOSES, 'Manage JIT provisioning purposes'),
    { method: 'get', path: '/purposes', roles: PRIVACY, handler: (_req, res) => res.redirect(303, at(PURPOSES)) },
    { method: 'get', path: PURPOSES, roles: PRIVACY, handler: (req, res) => answerList(req, res, 200, []) },
    { method: 'post', path: PURPOSES, roles: PRIVACY, handler: changeList },
    { method: 'get', path: ADD, roles: PRIVACY, handler: (req, res) => answerForm(req, res, undefined, NEW_PURPOSE) },
    { method: 'post', path: ADD, roles: PRIVACY, handler: submit },
    { method: 'get', path: `${PURPOSES}/:key`, roles: PRIVACY, handler: showOne },
    { method: 'post', path: `${PURPOSES}/:key`, roles: PRIVACY, handler: submit },
    ...screen.removal(removalOf),
  ]

  async function answerList(req: Request, res: Response, status: number, problems: Problem[]): Promise<void> {
    const [{ purpose: settings, organization }, answers, changes, { nameOf }] = await Promise.all([
      readSettings(house.db),
      countAnswers(house.db),
      lastChanges(house.db, 'purpose'),
      attributesKnown(),
    ])
    const purposes = settings.map((setting) => {
      const { key, version, managedBy, isEnabled } = setting
      const { purpose, rows } = typedOf(setting.entry)
      const details = rows.map(({ attribute, mandatory }) => ({ name: nameOf(attribute), mandatory }))
      const { asked = 0, agreed = 0 } = answers.get(key) ?? {}
      const change = changes.get(key)
      const href = screen.address(key)
      return { key, version, managedBy, isEnabled, purpose, details, asked, agreed, change, href }
    })
    const page = { title: 'Consent Purposes', crumbs: CRUMBS, problems }
    const links = { add: at(ADD), here: at(PURPOSES) }
    desk.show(req, res, 'purposes', { ...page, ...links, purposes, missing: missingIn(organization) }, status)
  }

  async function changeList(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const request = { kind: 'purpose' as const, key: fields.one('key'), actor: actorOf(req, res) }
    const versioned = { ...request, expectedVersion: versionIn(fields) }
    switch (fields.one('do')) {
      case 'up':
        return settle(req, res, await moveEntry(house, { ...request, direction: 'up' }), 'The purpose has moved up')
      case 'down':
        return settle(req, res, await moveEntry(house, { ...request, direction: 'down' }), 'The purpose has moved down')
      case 'archive': {
        const outcome = await setEnabled(house, { ...versioned, isEnabled: false })
        return settle(req, res, outcome, 'The purpose is archived: nobody is asked any more, and answers are kept')
      }
      case 'restore': {
        const outcome = await setEnabled(house, { ...versioned, isEnabled: true })
        return settle(req, res, outcome, 'New people are asked about this purpose again')
      }
      default:
        return res.redirect(303, at(PURPOSES))
    }
  }

  function settle(req: Request, res: Response, outcome: Outcome, notice: string): Promise<void> {
    const show = ({ status, problems }: Refusal) => answerList(req, res, status, problems)
    return screen.settle(req, res, outcome, { notice }, { fields: [], show })
  }

  async function showOne(req: Request, res: Response): Promise<void> {
    const setting = await screen.find(req)
    if (!setting) return screen.gone(req, res)
    return answerForm(req, res, setting, typedOf(setting.entry))
  }

  async function answerForm(
    req: Request,
    res: Response,
    setting: Setting | undefined,
    typed: TypedPurpose,
    more: Partial<Refusal> & { preview?: string; newRow?: number } = {},
  ): Promise<void> {
    const { names, custom, nameOf } = await attributesKnown()
    const used = typed.rows.map(({ attribute }) => attribute).filter(Boolean)
    const options = [...new Set([...names, ...used])].map((value) => ({ value, label: nameOf(value) }))
    const languages = languagesFor(house.views.languages, typed.translations)
    const { organization } = await readSettings(house.db)
    const language = house.views.languages.find((tag) => tag === more.preview)
    const answers = setting && (await countAnswers(house.db, setting.key)).get(setting.key)
    desk.show(
      req,
      res,
      'purpose',
      {
        title: setting ? typedOf(setting.entry).purpose : 'Add New Purpose',
        crumbs: UNDER_PURPOSES,
        problems: more.problems ?? [],
        conflict: more.conflict,
        isNew: setting === undefined,
        version: more.version ?? setting?.version ?? 0,
        managedBy: setting?.managedBy ?? 'console',
        here: setting ? screen.address(setting.key) : at(ADD),
        list: at(PURPOSES),
        removal: setting && !answers?.asked ? screen.address(setting.key, '/remove') : undefined,
        asked: answers?.asked ?? 0,
        agreed: answers?.agreed ?? 0,
        typed,
        newRow: more.newRow,
        categories: [{ value: '', label: 'Choose' }, ...options],
        languages,
        previews: house.views.languages.map((tag) => ({ tag, name: tag === 'en' ? 'English' : nameOfLanguage(tag) })),
        preview:
          language &&
          previewOf(typed, language, { views: house.views, organization: organizationOf(organization), custom }),
      },
      more.status ?? 200,
    )

    function nameOfLanguage(tag: string): string {
      return languages.find((one) => one.tag === tag)?.name ?? tag
    }
  }

  /** Every button of the form: rows come and go, the preview, and in the end the purpose is saved. */
  async function submit(req: Request, res: Response): Promise<void> {
    const setting = req.params['key'] === undefined ? undefined : await screen.find(req)
    if (req.params['key'] !== undefined && !setting) return screen.gone(req, res)
    const fields = readFields(req.body)
    const given = setting && typedOf(setting.entry)
    const languages = languagesFor(house.views.languages, given?.translations)
    const typed = readPurpose(fields, languages)
    const [what = '', which = ''] = fields.one('do').split(':')
    if (given) typed.id = given.id
    switch (what) {
      case 'add': {
        const rows = [...typed.rows, { attribute: '', mandatory: false }]
        return answerForm(
          req,
          res,
          setting,
          { ...typed, rows },
          { newRow: rows.length - 1, version: versionIn(fields) },
        )
      }
      case 'remove': {
        const rows = typed.rows.filter((_, index) => String(index) !== which)
        return answerForm(req, res, setting, { ...typed, rows }, { version: versionIn(fields) })
      }
      case 'preview':
        return answerForm(req, res, setting, typed, { preview: which, version: versionIn(fields) })
      default:
        return save(req, res, setting, withoutEmptyRows(typed), what === 'finish-another')
    }

    async function save(
      req: Request,
      res: Response,
      setting: Setting | undefined,
      typed: TypedPurpose,
      andAnother: boolean,
    ): Promise<void> {
      const { purpose: others } = await readSettings(house.db)
      const isNew = setting === undefined
      const id = typed.id || keyFor(typed.purpose, new Set(others.map(({ key }) => key)))
      const entry = purposeEntry({ ...typed, id })
      const namesake = others.some(
        (one) => one.key !== setting?.key && one.key !== id && isSame(typedOf(one.entry).purpose, typed.purpose),
      )
      const outcome: Outcome = namesake
        ? { kind: 'faults', faults: [], general: [] }
        : await saveEntry(house, {
            kind: 'purpose',
            ...(isNew ? {} : { key: setting.key }),
            expectedVersion: versionIn(fields),
            entry,
            actor: actorOf(req, res),
          })
      const done = { notice: `The purpose “${typed.purpose}” is saved`, ...(andAnother ? { to: at(ADD) } : {}) }
      const show = (refusal: Refusal) => {
        if (namesake) refusal.problems.push({ field: 'purpose', text: 'Another purpose has this name. Choose another' })
        const rows = typed.rows.length === 0 ? NEW_PURPOSE.rows : typed.rows
        return answerForm(req, res, setting, { ...typed, rows }, { version: versionIn(fields), ...refusal })
      }
      const shown = { fields: purposeFields(languages), typed: entry, named: 'id', show }
      return screen.settle(req, res, outcome, done, shown)
    }
  }

  async function removalOf({ key, entry }: Setting): Promise<Removal> {
    const { purpose } = typedOf(entry)
    const asked = (await countAnswers(house.db, key)).get(key)?.asked ?? 0
    const people = asked === 1 ? '1 person has answered' : `${asked} people have answered`
    const body =
      asked === 0
        ? 'Nobody was asked about this purpose yet, so nothing of it is kept. It cannot be brought back.'
        : `${people}, so it cannot be deleted. Archive it instead.`
    return { title: `Delete “${purpose}”`, body, mayRemove: asked === 0 }
  }

  /** What AD-21 wants of the organization before people are asked, in words; an owner can mend it. */
  function missingIn(organization: Setting): { what: string[]; href: string } | undefined {
    const { name, privacyPolicyUrl } = organizationOf(organization)
    const what = [
      ...(name === 'Vestibule' ? ['the name of your organisation'] : []),
      ...(privacyPolicyUrl === undefined ? ['your privacy page'] : []),
    ]
    return what.length === 0 ? undefined : { what, href: at('/settings/organization') }
  }

  /** The attributes that a purpose can name, and what people call them. */
  async function attributesKnown() {
    const custom = await customAttributes(house.db)
    const names = [...Object.keys(STANDARD_ATTRIBUTES), ...custom.keys()]
    const nameOf = (attribute: string) =>
      custom.get(attribute)?.displayName ??
      (Object.hasOwn(STANDARD_ATTRIBUTES, attribute)
        ? house.views.t({ key: `attribute.${attribute}` }, 'en')
        : attribute)
    return { names, custom, nameOf }
  }
}

function organizationOf({ entry }: Setting): { name: string; privacyPolicyUrl?: string } {
  return entry as { name: string; privacyPolicyUrl?: string }
}

const isSame = (one: string, other: string) =>
  one.normalize('NFC').toLowerCase() === other.normalize('NFC').toLowerCase()
