// Settings: who the organisation is, what holds for every prompt, what the deployment says, and all of it as a file.
import path from 'node:path'
import type { Request, Response } from 'express'
import type { Section } from '../db/installation.ts'
import { readSettings } from '../settings/entries.ts'
import { exportConfiguration } from '../settings/export.ts'
import type { Outcome } from '../settings/outcome.ts'
import { saveEntry } from '../settings/save.ts'
import { oursIn } from '../themes/find.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { actorOf, type Desk } from './desk.ts'
import { type Refusal, refusalOf, versionIn } from './entry-form.ts'
import {
  fieldsOf,
  JIT,
  ORGANIZATION,
  readSection,
  type SectionField,
  sectionOf,
  type TypedSection,
  typedSection,
} from './settings-form.ts'

const SETTINGS = '/settings'
const HERE = `/console${SETTINGS}`
const CRUMBS = [{ label: 'Settings', href: HERE }]
const FILE_NAME = 'vestibule.yaml'
const VERSION = oursIn(path.join(import.meta.dirname, '../..')).core

interface Part {
  section: Section
  path: string
  title: string
  lead: string
  fields: readonly SectionField[]
}

const PARTS: readonly Part[] = [
  {
    section: 'organization',
    path: `${SETTINGS}/organization`,
    title: 'Organisation',
    lead: 'Who asks people. Name and privacy page are on the pages; all of it is kept with the words that people agree to.',
    fields: ORGANIZATION,
  },
  {
    section: 'jitProvisioning',
    path: `${SETTINGS}/jit-provisioning`,
    title: 'Just-in-time provisioning',
    lead: 'What holds for the prompts of every identity provider.',
    fields: JIT,
  },
]

export function settingsScreen(desk: Desk): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: SETTINGS, roles: OWNER, handler: showAll },
    { method: 'post', path: `${SETTINGS}/export`, roles: OWNER, handler: download },
    ...PARTS.flatMap(pagesOf),
  ]

  async function showAll(req: Request, res: Response): Promise<void> {
    const settings = await readSettings(house.db)
    const parts = PARTS.map(({ section, path: below, title, fields }) => {
      const { entry, managedBy } = settings[section]
      const typed = typedSection(entry, fields)
      const facts = fields.map(({ name, label, options = [] }) => {
        const value = typed[name] ?? ''
        return { label, value: options.find((option) => option.value === value)?.label ?? value }
      })
      return { title, href: `/console${below}`, managedBy, facts }
    })
    const deployment = [
      { label: 'Public address', value: house.publicUrl.origin, variable: 'PUBLIC_URL' },
      { label: 'Version', value: VERSION, variable: '' },
      { label: 'How long a sign-in stays open', value: `${house.flowMinutes} minutes`, variable: 'FLOW_TTL_MINUTES' },
      { label: 'Theme', value: house.theme?.name ?? 'none', variable: 'THEME' },
      { label: 'Proxies in front', value: String(house.trustProxy), variable: 'TRUST_PROXY' },
      {
        label: 'Identity providers in private networks',
        value: house.allowPrivateIdp ? 'Allowed' : 'Refused',
        variable: 'ALLOW_PRIVATE_IDP',
      },
      {
        label: 'Letters',
        value: house.postman ? `Sent through ${house.postman.through}` : 'None are sent',
        variable: 'SMTP_URL',
      },
    ]
    const links = { attributes: `${HERE}/attributes`, exportTo: `${HERE}/export` }
    desk.show(req, res, 'settings', { title: 'Settings', parts, deployment, ...links })
  }

  function pagesOf(part: Part): Route[] {
    const { section, path: below, title, lead, fields } = part
    return [
      { method: 'get', path: below, roles: OWNER, handler: show },
      { method: 'post', path: below, roles: OWNER, handler: save },
    ]

    async function show(req: Request, res: Response): Promise<void> {
      const { entry } = (await readSettings(house.db))[section]
      return answer(req, res, typedSection(entry, fields))
    }

    async function answer(
      req: Request,
      res: Response,
      typed: TypedSection,
      refusal: Partial<Refusal> = {},
    ): Promise<void> {
      const { version, managedBy } = (await readSettings(house.db))[section]
      const page = { title, crumbs: CRUMBS, problems: refusal.problems ?? [], conflict: refusal.conflict, lead }
      const form = {
        fields,
        typed,
        managedBy,
        version: refusal.version ?? version,
        here: `/console${below}`,
        back: HERE,
      }
      desk.show(req, res, 'settings-section', { ...page, ...form }, refusal.status ?? 200)
    }

    async function save(req: Request, res: Response): Promise<void> {
      const form = readFields(req.body)
      const typed = readSection(form, fields)
      const entry = sectionOf(typed, fields)
      const expectedVersion = versionIn(form)
      const request = { kind: section, expectedVersion, entry, actor: actorOf(req, res) }
      const outcome: Outcome = await saveEntry(house, request)
      if (outcome.kind === 'saved')
        return desk.done(req, res, HERE, [`${title} is saved`, ...outcome.warnings].join('. '))
      // A section is always there.
      if (outcome.kind === 'gone' || outcome.kind === 'deleted') return res.redirect(303, HERE)
      const refusal = refusalOf(outcome, { fields: fieldsOf(fields), typed: entry })
      return answer(req, res, typed, { version: expectedVersion, ...refusal })
    }
  }

  async function download(_req: Request, res: Response): Promise<void> {
    const text = await exportConfiguration(house.db)
    res
      .set({ 'Cache-Control': 'no-store', 'Content-Disposition': `attachment; filename="${FILE_NAME}"` })
      .type('application/yaml')
      .send(text)
  }
}
