// What the screens over lists of settings do alike: finding the entry of an address, answering what became of a change, and deleting.
import type { Request, Response } from 'express'
import type { Kind, ManagedBy } from '../db/entries.ts'
import type { Role } from '../db/operators.ts'
import { findSetting, type Setting } from '../settings/entries.ts'
import type { Entry } from '../settings/kinds.ts'
import type { Outcome } from '../settings/outcome.ts'
import { removeEntry } from '../settings/remove.ts'
import { setEnabled } from '../settings/switch.ts'
import { readFields } from '../web/forms.ts'
import type { Route } from './access.ts'
import { actorOf, type Desk, type Problem } from './desk.ts'
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

/** Answers for an entry, or for a new one. */
type EntryHandler<Given> = (req: Request, res: Response, setting: Given) => Promise<void> | void

interface FormPage extends Pick<Partial<Refusal>, 'conflict'> {
  crumbs: Subject['crumbs']
  problems: Problem[]
  isNew: boolean
  isEnabled: boolean
  managedBy: ManagedBy
  version: number
  here: string
  list: string
  /** Of a new one there is nothing to delete. */
  removal: string | undefined
}

export interface EntryScreen {
  /** The address of the form of a new entry. */
  add: string
  /** The address of an entry's page, or of the page below it. */
  address(key: string, below?: string): string
  /** A handler of the entry that the address names; of one that is not there, the page that says so is the answer. */
  found(handler: EntryHandler<Setting>): Route['handler']
  /** The form of a new entry, and that of each that is there. */
  forms(handlers: Record<'show' | 'submit', EntryHandler<Setting | undefined>>): Route[]
  /** What the pages of these forms have alike. */
  formPage(setting: Setting | undefined, refusal: Partial<Refusal>): FormPage
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
  // The page of an entry is one step below the list, whatever it is called: this one is two.
  const newPath = `${path}/add/new`
  const add = `/console${newPath}`
  return { add, address, found, forms, formPage, settle, turn, removal }

  async function find(req: Request): Promise<Setting | undefined> {
    // PostgreSQL keeps no NUL, so nothing has it in its name, and asking would fail.
    return keyIn(req).includes('\0') ? undefined : findSetting(house.db, kind, keyIn(req))
  }

  function gone(req: Request, res: Response): void {
    const back = { label: 'Go to the list', href: list }
    desk.stop(req, res, 404, `There is no such ${noun}`, 'It may have been deleted meanwhile.', back)
  }

  function found(handler: EntryHandler<Setting>): Route['handler'] {
    return async (req, res) => {
      const setting = await find(req)
      return setting ? handler(req, res, setting) : gone(req, res)
    }
  }

  function forms({ show, submit }: Parameters<EntryScreen['forms']>[0]): Route[] {
    return [
      { method: 'get', path: newPath, roles, handler: (req, res) => show(req, res, undefined) },
      { method: 'post', path: newPath, roles, handler: (req, res) => submit(req, res, undefined) },
      { method: 'get', path: `${path}/:key`, roles, handler: found(show) },
      { method: 'post', path: `${path}/:key`, roles, handler: found(submit) },
    ]
  }

  function formPage(setting: Setting | undefined, refusal: Partial<Refusal>): FormPage {
    return {
      crumbs,
      problems: refusal.problems ?? [],
      ...(refusal.conflict ? { conflict: refusal.conflict } : {}),
      isNew: setting === undefined,
      isEnabled: setting?.isEnabled ?? true,
      managedBy: setting?.managedBy ?? 'console',
      version: refusal.version ?? setting?.version ?? 0,
      here: setting ? address(setting.key) : add,
      list,
      removal: setting && address(setting.key, '/remove'),
    }
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
      { ...below, method: 'get', handler: found((req, res, setting) => answer(req, res, setting)) },
      { ...below, method: 'post', handler: found(remove) },
    ]

    async function answer(req: Request, res: Response, setting: Setting, refusal?: Refusal): Promise<void> {
      const { title, body, uses = [], mayRemove } = await about(setting)
      const { key, managedBy } = setting
      const version = refusal?.version ?? setting.version
      const page = { title, crumbs, problems: refusal?.problems ?? [], body, uses, version, noun }
      const links = { here: address(key, '/remove'), back: address(key) }
      const may = mayRemove && managedBy === 'console'
      desk.show(req, res, 'entry-remove', { ...page, ...links, managedBy, mayRemove: may }, refusal?.status ?? 200)
    }

    async function remove(req: Request, res: Response, setting: Setting): Promise<void> {
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
