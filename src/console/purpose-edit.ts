// The form of a purpose: rows that come and go by buttons, the preview, and saving.
import type { Request, Response } from 'express'
import { countAnswers } from '../db/consents.ts'
import { readSettings, type Setting } from '../settings/entries.ts'
import type { Outcome } from '../settings/outcome.ts'
import { saveEntry } from '../settings/save.ts'
import { readFields } from '../web/forms.ts'
import type { Route } from './access.ts'
import { actorOf, type Desk } from './desk.ts'
import { type Refusal, versionIn } from './entry-form.ts'
import type { EntryScreen } from './entry-screen.ts'
import {
  keyFor,
  NEW_PURPOSE,
  purposeEntry,
  purposeFields,
  readPurpose,
  type TypedPurpose,
  typedOf,
  withoutEmptyRows,
  withReason,
} from './purpose-form.ts'
import { attributesKnown, organizationOf } from './purpose-pages.ts'
import { previewOf } from './purpose-preview.ts'
import { versionsOnPage } from './purpose-versions.ts'
import { languagesFor } from './spoken.ts'

export function purposeEditPages(desk: Desk, screen: EntryScreen): Route[] {
  const { house } = desk
  return screen.forms({
    show: (req, res, one) => answerForm(req, res, one, one ? typedOf(one.entry) : NEW_PURPOSE),
    submit,
  })

  async function answerForm(
    req: Request,
    res: Response,
    setting: Setting | undefined,
    typed: TypedPurpose,
    more: Partial<Refusal> & { preview?: string; newRow?: number } = {},
  ): Promise<void> {
    const { names, custom, nameOf } = await attributesKnown(house)
    const used = typed.rows.map(({ attribute }) => attribute).filter(Boolean)
    const options = [...new Set([...names, ...used])].map((value) => ({ value, label: nameOf(value) }))
    const languages = languagesFor(house.views.languages, typed.translations)
    const { organization } = await readSettings(house.db)
    const language = house.views.languages.find((tag) => tag === more.preview)
    const page = screen.formPage(setting, more)
    const answers = setting && (await countAnswers(house.db, setting.key)).get(setting.key)
    desk.show(
      req,
      res,
      'purpose',
      {
        title: setting ? typedOf(setting.entry).purpose : 'Add New Purpose',
        ...page,
        removal: answers?.asked ? undefined : page.removal,
        asked: answers?.asked ?? 0,
        versions: await versionsOnPage(house, setting, typed, nameOf),
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
  async function submit(req: Request, res: Response, setting: Setting | undefined): Promise<void> {
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
      const entry = withReason(purposeEntry({ ...typed, id }), setting?.entry)
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
      const done = { notice: `The purpose “${typed.purpose}” is saved`, ...(andAnother ? { to: screen.add } : {}) }
      const show = (refusal: Refusal) => {
        if (namesake) refusal.problems.push({ field: 'purpose', text: 'Another purpose has this name. Choose another' })
        const rows = typed.rows.length === 0 ? NEW_PURPOSE.rows : typed.rows
        return answerForm(req, res, setting, { ...typed, rows }, { version: versionIn(fields), ...refusal })
      }
      const shown = { fields: purposeFields(languages), typed: entry, named: 'id', show }
      return screen.settle(req, res, outcome, done, shown)
    }
  }
}

const isSame = (one: string, other: string) =>
  one.normalize('NFC').toLowerCase() === other.normalize('NFC').toLowerCase()
