// Sign-ins: what became of each, found by the code that its pages print, told in a sentence with the facts beside it.
import type { Request, Response } from 'express'
import { codeIn, findRecords, listRecords, OUTCOMES, type Outcome, type SignInRecord } from '../db/audit.ts'
import { listEntries } from '../db/entries.ts'
import { findOpenFlows } from '../db/open-flows.ts'
import { namesOf } from '../db/user-sheet.ts'
import { calledOf } from '../provisioning/display-name.ts'
import { explain, whereFrom } from '../provisioning/explain.ts'
import { oneParameter } from '../web/forms.ts'
import { type Route, SUPPORT } from './access.ts'
import type { Desk } from './desk.ts'
import { explainOpen } from './open-sign-in.ts'
import { factsOf, OUTCOME_LABELS } from './sign-in-facts.ts'
import { isUuid, USERS } from './users.ts'

const SIGN_INS = '/console/sign-ins'
const SIZE = 25

export function signInsScreen(desk: Desk): Route[] {
  const { house } = desk
  return [{ method: 'get', path: '/sign-ins', roles: SUPPORT, handler: show }]

  /** A code, an idp's name and an outcome are nobody's data: they may stand in the address, and be sent on. */
  async function show(req: Request, res: Response): Promise<void> {
    const code = (oneParameter(req.query['code']) ?? '').trim().slice(0, 40)
    return code === '' ? showNewest(req, res) : showCode(req, res, code)
  }

  async function showCode(req: Request, res: Response, code: string): Promise<void> {
    // In this order: one that ends meanwhile is found twice rather than not at all.
    const open = await findOpenFlows(house.db, code)
    const records = await findRecords(house.db, code)
    const found = records[0] ?? open[0]
    const isCode = codeIn(code) !== undefined
    // A page of an error outside a sign-in quotes the beginning of the request's id, without a dash.
    const orRequest = /^[\da-f]{8}$/i.test(code) ? '. It may be the code of a request: look for it in the log' : ''
    const text = isCode
      ? `No sign-in has this code. Check it; records are kept for 90 days${orRequest}`
      : 'Enter the code as it is at the foot of the page, like 7f3a-91c2'
    const userIds = records.flatMap(({ userId }) => (userId !== undefined && isUuid(userId) ? [userId] : []))
    const names = await namesOf(house.db, userIds)
    const page = {
      title: found ? `Sign-in ${found.code}` : 'Sign-ins',
      crumbs: [{ label: 'Sign-ins', href: SIGN_INS }],
      problems: found ? [] : [{ field: 'code', text }],
      code: found ? '' : code,
      open: open.map((flow) => explainOpen(flow, house.now())),
      records: records.map((record) => ({ ...told(record), user: userOf(record, names), facts: factsOf(record) })),
    }
    desk.show(req, res, 'sign-in-record', page, found ? 200 : isCode ? 404 : 422)
  }

  async function showNewest(req: Request, res: Response): Promise<void> {
    const idps = await listEntries(house.db, 'idp')
    const idp = idps.find(({ name }) => name === req.query['idp'])
    const outcome = OUTCOMES.find((one) => one === req.query['outcome'])
    const before = oneParameter(req.query['after']) || undefined
    const rows = await listRecords(house.db, {
      idpId: idp === undefined ? undefined : String(idp['id']),
      outcome,
      before,
      limit: SIZE + 1,
    })
    const records = rows.slice(0, SIZE)
    desk.show(req, res, 'sign-ins', {
      title: 'Sign-ins',
      records: records.map(told),
      typed: { idp: idp === undefined ? '' : String(idp['name']), outcome: outcome ?? '' },
      isSearch: idp !== undefined || outcome !== undefined,
      idps: idps.map((one) => ({ value: String(one['name']), label: String(one['display_name']) })),
      outcomes: OUTCOMES.map((one) => ({ value: one, label: OUTCOME_LABELS[one] })),
      isFirst: before === undefined,
      next: rows.length > SIZE ? records.at(-1)?.id : undefined,
    })
  }
}

function told(record: SignInRecord) {
  return {
    id: record.id,
    code: record.code,
    createdAt: record.createdAt,
    label: OUTCOME_LABELS[record.outcome],
    why: record.refusal ?? record.failure,
    isTrouble: isTrouble(record.outcome),
    idp: record.idp && (record.idp.displayName ?? 'An identity provider that is gone'),
    application: whereFrom(record),
    sentence: explain(record),
  }
}

function userOf({ userId }: SignInRecord, names: Awaited<ReturnType<typeof namesOf>>) {
  if (userId === undefined) return undefined
  const user = names.get(userId)
  return user === undefined ? { username: undefined } : { username: calledOf(user), href: `${USERS}/${userId}` }
}

function isTrouble(outcome: Outcome): boolean {
  return outcome === 'refused' || outcome === 'idp-failed'
}
