// Consent purposes: why attributes are kept, in the words that people read and tick.
import type { Request, Response } from 'express'
import { lastChanges } from '../db/changes.ts'
import { countAnswers } from '../db/consents.ts'
import { readSettings, type Setting } from '../settings/entries.ts'
import { moveEntry } from '../settings/move.ts'
import type { Outcome } from '../settings/outcome.ts'
import { setEnabled } from '../settings/switch.ts'
import { readFields } from '../web/forms.ts'
import { PRIVACY, type Route } from './access.ts'
import { actorOf, type Desk, type Problem } from './desk.ts'
import { type Refusal, versionIn } from './entry-form.ts'
import { entryScreen, type Removal } from './entry-screen.ts'
import { purposeEditPages } from './purpose-edit.ts'
import { typedOf } from './purpose-form.ts'
import {
  ASK_PASSWORD,
  at,
  attributesKnown,
  CRUMBS,
  ONBOARDING,
  organizationOf,
  PURPOSES,
  RESIDENT,
  UNDER_PURPOSES,
} from './purpose-pages.ts'

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
    ...purposeEditPages(desk, screen),
    ...screen.removal(removalOf),
  ]

  async function answerList(req: Request, res: Response, status: number, problems: Problem[]): Promise<void> {
    const [{ purpose: settings, organization }, answers, changes, { nameOf }] = await Promise.all([
      readSettings(house.db),
      countAnswers(house.db),
      lastChanges(house.db, 'purpose'),
      attributesKnown(house),
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
    const links = { add: screen.add, here: at(PURPOSES) }
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
}
