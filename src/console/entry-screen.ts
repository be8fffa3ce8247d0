// What the screens over lists of settings do alike: finding the entry of an address, answering what became of a change, and deleting.
import type { Request, Response } from 'express'
import type { Kind } from '../db/entries.ts'
import type { Role } from '../db/operators.ts'
import { findSetting, type Setting } from '../settings/entries.ts'
import type { Entry } from '../settings/kinds.ts'
import type { Outcome } from '../settings/outcome.ts'
import { removeEntry } from '../settings/remove.ts'
import { setEnabled } from '../settings/switch.ts'
import { readFields } from '../web/forms.ts'
import type { Route } from './access.ts'
import { actorOf, type Desk } from './desk.ts'
import { type FieldOf, pageOf, type Refusal, refusalOf, versionIn } from './entry-form.ts'

export interface Subject {
  kind: Kind
  /** In the middle of a sentence: user store. */
  noun: string
  /** The list, below /console. */
  path: string
  /** What leads to a page below the list: the list itself comes last. */
  crumbs: { label: string; href: string }[]
  roles: readonly [Role, ...Role[]]
}

/** Why an entry may not be deleted, if so, with links to what needs it; or what is lost with it. */
export interface Removal {
  title: string
  body: string
  uses?: { label: string; href: string }[]
  mayRemove: boolean
}

export interface EntryScreen {
  /** The address of an entry's page, or of the page below it. */
  address(key: string, below?: string): string
  /** The entry that the address names. */
  find(req: Request): Promise<Setting | undefined>
  gone(req: Request, res: Response): void
  /** On to the list when it is done; otherwise `refuse` shows why not. */
  settle(
    req: Request,
    res: Response,
    outcome: Outcome,
    done: { notice: string; to?: string },
    refused: { fields: readonly FieldOf[]; typed?: Entry; named?: string; show: (refusal: Refusal) => unknown },
  ): Promise<void>
  /** Turns the entry on or off that the form names by its address. */
  turn(req: Request, res: Response, isEnabled: boolean): Promise<Outcome>
  /** The page that asks before an entry is deleted. */
  removal(about: (setting: Setting) => Promise<Removal>): Route[]
}

export function entryScreen(desk: Desk, { kind, noun, path, crumbs, roles }: Subject): EntryScreen {
  const { house } = desk
  const list = `/console${path}`
  const address = (key: string, below = '') => `${pageOf(list, key)}${below}`
  const keyIn = (req: Request) => String(req.params['key'])
  const screen: EntryScreen = { address, find, gone, settle, turn, removal }
  return screen

  async function find(req: Request): Promise<Setting | undefined> {
    // PostgreSQL keeps no NUL, so nothing has it in its name, and asking would fail.
    return keyIn(req).includes('\0') ? undefined : findSetting(house.db, kind, keyIn(req))
  }

  function gone(req: Request, res: Response): void {
    const back = { label: 'Go to the list', href: list }
    desk.stop(req, res, 404, `There is no such ${noun}`, 'It may have been deleted meanwhile.', back)
  }

  async function settle(...[req, res, outcome, done, refused]: Parameters<EntryScreen['settle']>): Promise<void> {
    if (outcome.kind === 'gone') return gone(req, res)
    if (outcome.kind === 'deleted') return desk.done(req, res, done.to ?? list, done.notice)
    if (outcome.kind === 'saved')
      return desk.done(req, res, done.to ?? list, [done.notice, ...outcome.warnings].join('. '))
    await refused.show(refusalOf(outcome, refused))
  }

  function turn(req: Request, res: Response, isEnabled: boolean): Promise<Outcome> {
    const expectedVersion = versionIn(readFields(req.body))
    return setEnabled(house, { kind, key: keyIn(req), expectedVersion, isEnabled, actor: actorOf(req, res) })
  }

  function removal(about: (setting: Setting) => Promise<Removal>): Route[] {
    const below = { path: `${path}/:key/remove`, roles, fresh: true as const }
    return [
      { ...below, method: 'get', handler: show },
      { ...below, method: 'post', handler: remove },
    ]

    async function show(req: Request, res: Response): Promise<void> {
      const setting = await screen.find(req)
      return setting ? answer(req, res, setting) : gone(req, res)
    }

    async function answer(req: Request, res: Response, setting: Setting, refusal?: Refusal): Promise<void> {
      const { title, body, uses = [], mayRemove } = await about(setting)
      const { key, managedBy } = setting
      const version = refusal?.version ?? setting.version
      const page = { title, crumbs, problems: refusal?.problems ?? [], body, uses, version, noun }
      const links = { here: address(key, '/remove'), back: address(key) }
      const may = mayRemove && managedBy === 'console'
      desk.show(req, res, 'entry-remove', { ...page, ...links, managedBy, mayRemove: may }, refusal?.status ?? 200)
    }

    async function remove(req: Request, res: Response): Promise<void> {
      const setting = await screen.find(req)
      if (!setting) return gone(req, res)
      const { body, mayRemove } = await about(setting)
      const expectedVersion = versionIn(readFields(req.body))
      const request = { kind, key: setting.key, expectedVersion, actor: actorOf(req, res) }
      const outcome: Outcome =
        mayRemove || setting.managedBy === 'file'
          ? await removeEntry(house, request)
          : { kind: 'in-use', message: body }
      const shown = { fields: [], show: (refusal: Refusal) => answer(req, res, setting, refusal) }
      return settle(req, res, outcome, { notice: `The ${noun} is deleted` }, shown)
    }
  }
}
