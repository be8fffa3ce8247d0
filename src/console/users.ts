// Users: the list, searched by the beginning of a username. What is typed travels in a form and never in an address (S117).
import type { Request, Response } from 'express'
import { listEntries } from '../db/entries.ts'
import { countUsers, type Place, searchUsers, type UserCount, type UserSearch } from '../db/user-search.ts'
import { displayNameOf } from '../provisioning/display-name.ts'
import { canonicalForm, withoutSlips } from '../provisioning/username.ts'
import { splitName, storeNamed } from '../stores/name.ts'
import { policyOf, type Store } from '../stores/policy.ts'
import { type Fields, readFields } from '../web/forms.ts'
import { type Route, SUPPORT } from './access.ts'
import type { Desk } from './desk.ts'
import { PAGE_SIZES, paged, pageSize } from './paging.ts'

export const USERS = '/console/users'

interface Typed {
  username: string
  store: string
  from: string
  state: string
  size: number
}

export function usersScreen(desk: Desk): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/users', roles: SUPPORT, handler: (req, res) => answer(req, res, readFields({})) },
    { method: 'post', path: '/users', roles: SUPPORT, handler: (req, res) => answer(req, res, readFields(req.body)) },
  ]

  async function answer(req: Request, res: Response, fields: Fields): Promise<void> {
    const [stores, idps] = await Promise.all([allStores(), listEntries(house.db, 'idp')])
    const typed: Typed = {
      username: fields.one('username').slice(0, 300),
      store: stores.find(({ name }) => name === fields.one('store'))?.name ?? '',
      from: fields.one('from'),
      state: fields.one('state'),
      size: pageSize(fields.one('size')),
    }
    const idp = idps.find(({ name }) => name === typed.from)
    const search: UserSearch = {
      stores: wanted(stores, typed),
      idpId: idp === undefined ? undefined : String(idp['id']),
      isLocked: typed.state === 'locked' ? true : typed.state === 'active' ? false : undefined,
    }
    const [after, before] = [placeOf(fields.one('after')), placeOf(fields.one('before'))]
    const [rows, count] = await Promise.all([
      searchUsers(house.db, search, { after, before, limit: typed.size + 1 }),
      countUsers(house.db, search),
    ])
    const page = paged(rows, typed.size, after ? 'after' : before ? 'before' : 'first')
    const [first, last] = [page.rows[0], page.rows.at(-1)]
    desk.show(req, res, 'users', {
      title: 'Users',
      users: page.rows.map((user) => ({ ...user, displayName: displayNameOf(user.said ?? {}) })),
      typed,
      isSearch: typed.username !== '' || typed.store !== '' || idp !== undefined || search.isLocked !== undefined,
      total: said(count),
      previous: page.hasPrevious && first ? textOf(first) : undefined,
      next: page.hasNext && last ? textOf(last) : undefined,
      stores: stores.map(({ name }) => name),
      idps: idps.map((one) => ({ value: String(one['name']), label: String(one['display_name']) })),
      sizes: PAGE_SIZES,
    })
  }

  /** Those that are off too: who is in one is still a user. */
  async function allStores(): Promise<Store[]> {
    const rows = await listEntries(house.db, 'userStore')
    return rows.map((row) => ({
      name: String(row['name']),
      policy: policyOf(row['properties'] as Record<string, string>),
    }))
  }
}

/** Where to look for a beginning: in the chosen store, or in the one that is written before the name, or in all. */
function wanted(stores: Store[], typed: Typed): UserSearch['stores'] {
  const { domain, username } = splitName(withoutSlips(typed.username))
  // PostgreSQL takes neither NUL nor halves of a pair, and no name has them.
  if (/[\0\p{Surrogate}]/u.test(typed.username)) return []
  const named = domain === undefined ? undefined : storeNamed(stores, domain)
  return stores
    .filter((store) => (typed.store === '' || store.name === typed.store) && (domain === undefined || store === named))
    .map(({ name, policy }) => ({ name, prefix: canonicalForm(username, policy.isCaseInsensitive) }))
}

function said({ count, kind }: UserCount): string {
  const n = new Intl.NumberFormat('en-GB').format(count)
  if (kind === 'about') return `About ${n} people`
  if (kind === 'more') return `More than ${n} people`
  return count === 1 ? '1 person' : `${n} people`
}

/** Whether PostgreSQL would take it for the id of a user. */
export function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text)
}

function textOf({ store, canonical }: Place): string {
  return `${store}/${canonical}`
}

/** Undefined for what is no place: then it is the first page. */
function placeOf(text: string): Place | undefined {
  const slash = text.indexOf('/')
  if (slash < 1 || text.length > 600 || /[\0\p{Surrogate}]/u.test(text)) return undefined
  return { store: text.slice(0, slash), canonical: text.slice(slash + 1) }
}
