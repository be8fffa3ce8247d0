// User stores: the domains that users live in, each with its rules for names and passwords.
import type { Request, Response } from 'express'
import { lastChanges } from '../db/changes.ts'
import { countUsersIn, idpsOf } from '../db/removal.ts'
import { countUsers } from '../db/user-stores.ts'
import { readSettings, type Setting } from '../settings/entries.ts'
import type { Outcome } from '../settings/outcome.ts'
import { saveEntry } from '../settings/save.ts'
import { PRIMARY } from '../stores/name.ts'
import { policyOf } from '../stores/policy.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { actorOf, type Desk } from './desk.ts'
import { pageOf, type Refusal, versionIn } from './entry-form.ts'
import { entryScreen, type Removal } from './entry-screen.ts'
import {
  CASES,
  PROPERTY_GROUPS,
  readStore,
  readTests,
  ruleInWords,
  STORE_FIELDS,
  storeEntry,
  storeOf,
  TESTS,
  type Tests,
  type TypedStore,
  tryStore,
  type Verdicts,
} from './user-store-form.ts'

const STORES = '/user-stores'
const LIST = `/console${STORES}`
const CRUMBS = [{ label: 'User stores', href: LIST }]
const USERNAME_RULE = '^[\\S]{3,50}$'
const NEW_STORE: TypedStore = { name: '', properties: {} }
const NO_TESTS: Tests = { names: TESTS.map(() => ''), password: '' }

interface Shown {
  tests?: Tests
  verdicts?: Verdicts
}

export function userStoresScreen(desk: Desk): Route[] {
  const { house } = desk
  const screen = entryScreen(desk, {
    kind: 'userStore',
    noun: 'user store',
    path: STORES,
    crumbs: CRUMBS,
    roles: OWNER,
  })
  return [
    { method: 'get', path: STORES, roles: OWNER, handler: showList },
    ...screen.forms({ show: (req, res, one) => answer(req, res, one, one ? storeOf(one.entry) : NEW_STORE), submit }),
    ...screen.removal(removalOf),
  ]

  async function showList(req: Request, res: Response): Promise<void> {
    const [{ userStore }, users, changes] = await Promise.all([
      readSettings(house.db),
      countUsers(house.db),
      lastChanges(house.db, 'userStore'),
    ])
    const stores = userStore.map(({ key, entry, isEnabled, managedBy }) => {
      const { properties } = storeOf(entry)
      return {
        name: key,
        href: screen.address(key),
        users: users.get(key) ?? 0,
        rule: properties.UsernameJavaRegEx ?? USERNAME_RULE,
        words: ruleInWords(policyOf(properties)),
        isEnabled,
        managedBy,
        change: changes.get(key),
      }
    })
    desk.show(req, res, 'user-stores', { title: 'User stores', stores, add: screen.add })
  }

  function answer(
    req: Request,
    res: Response,
    setting: Setting | undefined,
    typed: TypedStore,
    { tests = NO_TESTS, verdicts, ...refusal }: Partial<Refusal> & Shown = {},
  ): void {
    desk.show(
      req,
      res,
      'user-store',
      {
        title: setting?.key ?? 'Add a user store',
        ...screen.formPage(setting, refusal),
        isPrimary: setting?.key === PRIMARY,
        typed,
        groups: PROPERTY_GROUPS,
        cases: CASES,
        // A password that was tried is not among what the page gets.
        tests: TESTS.map((id, index) => ({ id, value: tests.names[index] ?? '', verdict: verdicts?.names[index] })),
        passwordVerdict: verdicts?.password,
        isTried: verdicts !== undefined,
      },
      refusal.status ?? 200,
    )
  }

  async function submit(req: Request, res: Response, setting: Setting | undefined): Promise<void> {
    const fields = readFields(req.body)
    const typed = readStore(fields)
    if (setting) typed.name = setting.key
    // A browser sends nothing of a form that is read-only.
    if (setting?.managedBy === 'file') typed.properties = storeOf(setting.entry).properties
    const version = versionIn(fields)
    const entry = storeEntry(typed)
    const show = (refusal: Refusal) => answer(req, res, setting, typed, { version, ...refusal })
    switch (fields.one('do')) {
      case 'try': {
        const tests = readTests(fields)
        const { names, organization } = house.settings()
        const say = (message: Parameters<typeof house.views.t>[0]) => house.views.t(message, 'en')
        const tried = tryStore(typed, tests, { reserved: names.reserved, organization: organization.name, say })
        return 'verdicts' in tried
          ? answer(req, res, setting, typed, { version, tests, ...tried })
          : answer(req, res, setting, typed, { version, tests, status: 422, ...tried })
      }
      case 'on':
      case 'off': {
        const isEnabled = fields.one('do') === 'on'
        const notice = isEnabled ? `${typed.name} is on` : `${typed.name} is off: nobody can be sent there`
        const typedNothing = setting ? storeOf(setting.entry) : typed
        const shown = (refusal: Refusal) => answer(req, res, setting, typedNothing, refusal)
        return screen.settle(req, res, await screen.turn(req, res, isEnabled), { notice }, { fields: [], show: shown })
      }
      default: {
        const outcome: Outcome = await saveEntry(house, {
          kind: 'userStore',
          ...(setting ? { key: setting.key } : {}),
          expectedVersion: version,
          entry,
          actor: actorOf(req, res),
        })
        const shown = { fields: STORE_FIELDS, typed: entry, named: 'name', show }
        return screen.settle(req, res, outcome, { notice: `The user store ${typed.name} is saved` }, shown)
      }
    }
  }

  async function removalOf({ key }: Setting): Promise<Removal> {
    const title = `Delete ${key}`
    if (key === PRIMARY) return { title, body: 'The user store PRIMARY is always there.', mayRemove: false }
    const [users, idps] = await Promise.all([countUsersIn(house.db, key), idpsOf(house.db, key)])
    const uses = [
      ...idps.map((name) => ({ label: name, href: pageOf('/console/identity-providers', name) })),
      ...(users > 0 ? [{ label: users === 1 ? '1 user' : `${users} users`, href: '/console/users' }] : []),
    ]
    return uses.length === 0
      ? { title, body: 'Nobody is in it, and no identity provider sends people there.', mayRemove: true }
      : { title, body: `${key} cannot be deleted while these need it:`, uses, mayRemove: false }
  }
}
