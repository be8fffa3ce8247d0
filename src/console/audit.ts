// The history of changes: who changed what, when and from where. It is read and taken away here; nothing alters it.
import type { Request, Response } from 'express'
import { type ChangeFilter, type ChangeRow, listChanges, namesInChanges, OF_USERS } from '../db/changes.ts'
import { namesOf } from '../db/user-sheet.ts'
import { calledOf } from '../provisioning/display-name.ts'
import { type Fields, readFields } from '../web/forms.ts'
import { PRIVACY, type Route } from './access.ts'
import { type Desk, operatorOf, type Problem } from './desk.ts'
import { differencesOf } from './differences.ts'
import { isUuid, USERS } from './users.ts'

const SIZE = 25
/** A file that people can still open. */
const EXPORTED = 10_000

interface Typed {
  actor: string
  kind: string
  from: string
  to: string
}

export function auditScreen(desk: Desk): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/audit', roles: PRIVACY, handler: (req, res) => answer(req, res, readFields({})) },
    { method: 'post', path: '/audit', roles: PRIVACY, handler: (req, res) => answer(req, res, readFields(req.body)) },
    { method: 'post', path: '/audit/export', roles: PRIVACY, handler: download },
  ]

  async function answer(req: Request, res: Response, fields: Fields): Promise<void> {
    const { typed, filter, problems } = read(fields)
    const olderThan = fields.one('after') || undefined
    const [rows, actors, kinds] = await Promise.all([
      problems.length > 0 ? [] : listChanges(house.db, { ...filter, olderThan }, SIZE + 1),
      namesInChanges(house.db, 'actor'),
      namesInChanges(house.db, 'kind'),
    ])
    const changes = rows.slice(0, SIZE)
    desk.show(
      req,
      res,
      'audit',
      {
        title: 'Audit',
        problems,
        changes: await told(changes, operatorOf(res).role === 'owner'),
        typed,
        isSearch: Object.values(typed).some((value) => value !== ''),
        actors,
        kinds: kinds.map((kind) => ({ value: kind, label: kindOf(kind) })),
        isFirst: olderThan === undefined,
        next: rows.length > SIZE ? changes.at(-1)?.id : undefined,
        most: EXPORTED,
      },
      problems.length > 0 ? 422 : 200,
    )
  }

  /** As people read it. The history calls a user by their id; who may see users is told the name that they have today. */
  async function told(changes: ChangeRow[], seesUsers: boolean) {
    const ids = changes
      .filter(({ kind, object }) => OF_USERS.some((one) => one === kind) && isUuid(object))
      .map(({ object }) => object)
    const names = seesUsers && ids.length > 0 ? await namesOf(house.db, ids) : undefined
    return changes.map((change) => {
      const user = names?.get(change.object)
      return {
        ...change,
        what: kindOf(change.kind),
        name: user ? calledOf(user) : change.object,
        href: user ? `${USERS}/${change.object}` : undefined,
        differences: differencesOf(change.before, change.after),
      }
    })
  }

  async function download(req: Request, res: Response): Promise<void> {
    const { filter, problems } = read(readFields(req.body))
    if (problems.length > 0) return answer(req, res, readFields(req.body))
    const rows = await listChanges(house.db, filter, EXPORTED + 1)
    const now = house.now()
    const file = {
      exportedAt: now,
      ...filter,
      isComplete: rows.length <= EXPORTED,
      changes: rows.slice(0, EXPORTED),
    }
    res
      .set('Cache-Control', 'no-store')
      .attachment(`vestibule-audit-${now.toISOString().slice(0, 10)}.json`)
      .type('json')
      .send(`${JSON.stringify(file, null, 2)}\n`)
  }
}

function read(fields: Fields): { typed: Typed; filter: ChangeFilter; problems: Problem[] } {
  const typed = {
    actor: fields.one('actor').slice(0, 400),
    kind: fields.one('kind').slice(0, 50),
    from: fields.one('from').trim(),
    to: fields.one('to').trim(),
  }
  const problems: Problem[] = []
  const [from, to] = [dayOf(typed.from), dayOf(typed.to)]
  for (const [field, day] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (day === 'wrong') problems.push({ field, text: 'Enter a day as year, month and day, like 2026-11-26' })
  }
  // PostgreSQL takes neither NUL nor halves of a pair, and nobody is called so.
  const isText = (text: string) => text !== '' && !/[\0\p{Surrogate}]/u.test(text)
  const filter: ChangeFilter = {
    ...(isText(typed.actor) ? { actor: typed.actor } : {}),
    ...(isText(typed.kind) ? { kind: typed.kind } : {}),
    ...(from instanceof Date ? { from } : {}),
    ...(to instanceof Date ? { to: new Date(to.getTime() + 86_400_000) } : {}),
  }
  return { typed, filter, problems }
}

/** Midnight of a day in UTC; undefined where none is typed. */
function dayOf(typed: string): Date | 'wrong' | undefined {
  if (typed === '') return undefined
  const day = /^20\d\d-\d\d-\d\d$/.test(typed) ? new Date(`${typed}T00:00:00Z`) : undefined
  // 31 February becomes 3 March.
  return day && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(typed) ? day : 'wrong'
}

/** Of these the history keeps the id of a user. */
const KINDS: Record<string, string> = {
  idp: 'identity provider',
  identity: 'identity of a person',
  purpose: 'consent purpose',
  userStore: 'user store',
  jitProvisioning: 'provisioning for all',
}

function kindOf(kind: string): string {
  return Object.hasOwn(KINDS, kind) ? String(KINDS[kind]) : kind
}
