// Applications: who may send people here, and what they may do. A secret is ours to make, and is shown once.
import type { Request, Response } from 'express'
import { lastChanges } from '../db/changes.ts'
import { readSettings, type Setting } from '../settings/entries.ts'
import type { Outcome } from '../settings/outcome.ts'
import { saveEntry } from '../settings/save.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import {
  ALLOWED,
  APPLICATION_FIELDS,
  applicationEntry,
  GRANTS,
  NEW_APPLICATION,
  newSecret,
  readApplication,
  type TypedApplication,
  typedOf,
} from './application-form.ts'
import { actorOf, type Desk } from './desk.ts'
import { type Refusal, versionIn } from './entry-form.ts'
import { entryScreen, type Removal } from './entry-screen.ts'

const APPLICATIONS = '/applications'
const LIST = `/console${APPLICATIONS}`
const CRUMBS = [{ label: 'Applications', href: LIST }]

export function applicationsScreen(desk: Desk): Route[] {
  const { house } = desk
  const subject = {
    kind: 'application' as const,
    noun: 'application',
    path: APPLICATIONS,
    crumbs: CRUMBS,
    roles: OWNER,
  }
  const screen = entryScreen(desk, subject)
  const secret = { path: `${APPLICATIONS}/:key/secret`, roles: OWNER, fresh: true as const }
  return [
    { method: 'get', path: APPLICATIONS, roles: OWNER, handler: showList },
    ...screen.forms({
      show: (req, res, one) => answer(req, res, one, one ? typedOf(one.entry) : NEW_APPLICATION),
      submit: (req, res, one) => (one ? change(req, res, one) : add(req, res)),
    }),
    { ...secret, method: 'get', handler: screen.found((req, res, one) => answerSecret(req, res, one, {})) },
    { ...secret, method: 'post', handler: screen.found(changeSecret) },
    ...screen.removal(removalOf),
  ]

  async function showList(req: Request, res: Response): Promise<void> {
    const [{ application }, changes] = await Promise.all([readSettings(house.db), lastChanges(house.db, 'application')])
    const applications = application.map(({ key, entry, isEnabled, managedBy, hasSecret }) => {
      const { name, grantTypes } = typedOf(entry)
      const href = screen.address(key)
      return { clientId: key, name, href, grantTypes, isEnabled, managedBy, hasSecret, change: changes.get(key) }
    })
    desk.show(req, res, 'applications', { title: 'Applications', applications, add: screen.add })
  }

  async function answer(
    req: Request,
    res: Response,
    setting: Setting | undefined,
    typed: TypedApplication,
    refusal: Partial<Refusal> = {},
  ): Promise<void> {
    const { idp } = await readSettings(house.db)
    // Those that it names stay to be seen, though they may be gone.
    const names = new Set([...idp.map(({ key }) => key), ...typed.identityProviders])
    const displayName = (name: string) => String(idp.find(({ key }) => key === name)?.entry['displayName'] ?? name)
    desk.show(
      req,
      res,
      'application',
      {
        title: setting ? typedOf(setting.entry).name : 'Add an application',
        ...screen.formPage(setting, refusal),
        hasSecret: setting?.hasSecret ?? false,
        secretPage: setting && screen.address(setting.key, '/secret'),
        typed,
        grants: GRANTS,
        allowed: ALLOWED,
        idps: [...names].map((name) => ({ name, displayName: displayName(name) })),
        issuer: house.publicUrl.origin,
      },
      refusal.status ?? 200,
    )
  }

  async function add(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const typed = readApplication(fields)
    const made = typed.isPublic ? undefined : newSecret()
    const entry = applicationEntry(typed, made)
    const outcome = await saveEntry(house, { kind: 'application', expectedVersion: 0, entry, actor: actorOf(req, res) })
    if (outcome.kind === 'saved' && made !== undefined) return showOnce(req, res, typed.clientId, made)
    const show = (refusal: Refusal) => answer(req, res, undefined, typed, refusal)
    const shown = { fields: APPLICATION_FIELDS, typed: entry, named: 'clientId', show }
    return screen.settle(req, res, outcome, { notice: `The application ${typed.name} is saved` }, shown)
  }

  async function change(req: Request, res: Response, setting: Setting): Promise<void> {
    const fields = readFields(req.body)
    const what = fields.one('do')
    if (what === 'on' || what === 'off') {
      const outcome = await screen.turn(req, res, what === 'on')
      const notice = what === 'on' ? `${setting.key} is on` : `${setting.key} is off: nobody gets in by it`
      const show = (refusal: Refusal) => answer(req, res, setting, typedOf(setting.entry), refusal)
      return screen.settle(req, res, outcome, { notice }, { fields: [], show })
    }
    const typed = { ...readApplication(fields), clientId: setting.key }
    const entry = applicationEntry(typed, setting.hasSecret ? { keep: true } : undefined)
    const outcome = await save(req, res, setting, entry, versionIn(fields))
    const show = (refusal: Refusal) => answer(req, res, setting, typed, { version: versionIn(fields), ...refusal })
    const shown = { fields: APPLICATION_FIELDS, typed: applicationEntry(typed, undefined), show }
    return screen.settle(req, res, outcome, { notice: `The application ${typed.name} is saved` }, shown)
  }

  function save(req: Request, res: Response, setting: Setting, entry: Setting['entry'], expectedVersion: number) {
    return saveEntry(house, {
      kind: 'application',
      key: setting.key,
      expectedVersion,
      entry,
      actor: actorOf(req, res),
    })
  }

  function answerSecret(req: Request, res: Response, setting: Setting, refusal: Partial<Refusal>): void {
    const { key, managedBy, hasSecret } = setting
    const crumbs = [...CRUMBS, { label: typedOf(setting.entry).name, href: screen.address(key) }]
    const page = { title: 'Client secret', crumbs, problems: refusal.problems ?? [] }
    const links = { here: screen.address(key, '/secret'), back: screen.address(key) }
    const version = refusal.version ?? setting.version
    desk.show(
      req,
      res,
      'application-secret',
      { ...page, ...links, managedBy, hasSecret, version },
      refusal.status ?? 200,
    )
  }

  async function changeSecret(req: Request, res: Response, setting: Setting): Promise<void> {
    const fields = readFields(req.body)
    const made = fields.one('do') === 'none' ? undefined : newSecret()
    const entry = { ...setting.entry, ...(made === undefined ? {} : { clientSecret: made }) }
    const outcome: Outcome = await save(req, res, setting, entry, versionIn(fields))
    if (outcome.kind === 'saved' && made !== undefined) return showOnce(req, res, setting.key, made)
    const notice = `${setting.key} has no secret any more`
    const shown = {
      fields: APPLICATION_FIELDS,
      show: (refusal: Refusal) => answerSecret(req, res, setting, refusal),
    }
    return screen.settle(req, res, outcome, { notice, to: screen.address(setting.key) }, shown)
  }

  /** The answer to the form itself: a secret that waited for the next page would have to be kept somewhere. */
  function showOnce(req: Request, res: Response, clientId: string, secret: string): void {
    const page = { title: 'Copy the client secret now', crumbs: CRUMBS }
    desk.show(req, res, 'application-once', { ...page, clientId, secret, next: screen.address(clientId) })
  }

  async function removalOf({ key, entry }: Setting): Promise<Removal> {
    const { name } = typedOf(entry)
    const body = `Nobody gets into ${name} (${key}) by us any more, and sign-ins that are under way end. People keep their accounts here. It cannot be brought back; turning it off can.`
    return { title: `Delete ${name}`, body, mayRemove: true }
  }
}
