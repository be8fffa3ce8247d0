// Attributes beyond the standard claims: what an operator wants to know of people, and what people call it.
import type { Request, Response } from 'express'
import { lastChanges } from '../db/changes.ts'
import { countValues } from '../db/removal.ts'
import { STANDARD_ATTRIBUTES } from '../provisioning/attributes.ts'
import { readSettings, type Setting } from '../settings/entries.ts'
import { saveEntry } from '../settings/save.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import {
  attributeEntry,
  attributeFields,
  attributeOf,
  NEW_ATTRIBUTE,
  readAttribute,
  type TypedAttribute,
} from './attribute-form.ts'
import { actorOf, type Desk } from './desk.ts'
import { type Refusal, versionIn } from './entry-form.ts'
import { entryScreen, type Removal } from './entry-screen.ts'
import { languagesFor } from './spoken.ts'

const ATTRIBUTES = '/settings/attributes'
const LIST = `/console${ATTRIBUTES}`
const SETTINGS = [{ label: 'Settings', href: '/console/settings' }]
const CRUMBS = [...SETTINGS, { label: 'Attributes', href: LIST }]

export function attributesScreen(desk: Desk): Route[] {
  const { house } = desk
  const screen = entryScreen(desk, {
    kind: 'attribute',
    noun: 'attribute',
    path: ATTRIBUTES,
    crumbs: CRUMBS,
    roles: OWNER,
  })
  return [
    { method: 'get', path: ATTRIBUTES, roles: OWNER, handler: showList },
    ...screen.forms({
      show: (req, res, one) => answer(req, res, one, one ? attributeOf(one.entry) : NEW_ATTRIBUTE),
      submit,
    }),
    ...screen.removal(removalOf),
  ]

  async function showList(req: Request, res: Response): Promise<void> {
    const [{ attribute }, changes] = await Promise.all([readSettings(house.db), lastChanges(house.db, 'attribute')])
    const attributes = attribute.map(({ key, entry, isEnabled, managedBy }) => {
      const { displayName, translations } = attributeOf(entry)
      const languages = Object.keys(translations)
      return {
        name: key,
        href: screen.address(key),
        displayName,
        languages,
        isEnabled,
        managedBy,
        change: changes.get(key),
      }
    })
    const standard = Object.keys(STANDARD_ATTRIBUTES)
    const page = { title: 'Attributes', crumbs: SETTINGS }
    desk.show(req, res, 'attributes', { ...page, attributes, standard, add: screen.add })
  }

  function answer(
    req: Request,
    res: Response,
    setting: Setting | undefined,
    typed: TypedAttribute,
    refusal: Partial<Refusal> = {},
  ): void {
    desk.show(
      req,
      res,
      'attribute',
      {
        title: setting?.key ?? 'Add an attribute',
        ...screen.formPage(setting, refusal),
        typed,
        languages: languagesFor(house.views.languages, typed.translations),
      },
      refusal.status ?? 200,
    )
  }

  async function submit(req: Request, res: Response, setting: Setting | undefined): Promise<void> {
    const fields = readFields(req.body)
    const given = setting && attributeOf(setting.entry)
    const what = fields.one('do')
    if (given && (what === 'on' || what === 'off')) {
      const notice = what === 'on' ? `${given.name} is on` : `${given.name} is off: nobody is asked for it`
      const show = (refusal: Refusal) => answer(req, res, setting, given, refusal)
      return screen.settle(req, res, await screen.turn(req, res, what === 'on'), { notice }, { fields: [], show })
    }
    const languages = languagesFor(house.views.languages, given?.translations)
    const typed = readAttribute(fields, languages)
    if (given) typed.name = given.name
    const entry = attributeEntry(typed)
    const outcome = await saveEntry(house, {
      kind: 'attribute',
      ...(setting ? { key: setting.key } : {}),
      expectedVersion: versionIn(fields),
      entry,
      actor: actorOf(req, res),
    })
    const show = (refusal: Refusal) => answer(req, res, setting, typed, { version: versionIn(fields), ...refusal })
    const shown = { fields: attributeFields(languages), typed: entry, named: 'name', show }
    return screen.settle(req, res, outcome, { notice: `The attribute ${typed.name} is saved` }, shown)
  }

  async function removalOf({ key }: Setting): Promise<Removal> {
    const people = await countValues(house.db, key)
    const title = `Delete ${key}`
    return people === 0
      ? {
          title,
          body: 'Nobody has one. What names it has to go first: the mappings of identity providers, and purposes.',
          mayRemove: true,
        }
      : {
          title,
          body: `${people === 1 ? '1 person has' : `${people} people have`} one. Turn it off instead.`,
          mayRemove: false,
        }
  }
}
