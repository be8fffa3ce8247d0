// The first page of the console: what needs doing, and sign-ins in numbers.
import type { Request, Response } from 'express'
import { countOutcomes } from '../db/audit.ts'
import { listEntries } from '../db/entries.ts'
import { EVERYONE, type Route } from './access.ts'
import { type Desk, operatorOf } from './desk.ts'
import { figuresOf, GROUPS } from './figures.ts'
import { createToDo } from './to-do.ts'

const HOUR_MS = 60 * 60_000
const PERIODS = [
  { id: 'day', label: 'Last 24 hours', hours: 24 },
  { id: 'week', label: 'Last 7 days', hours: 7 * 24 },
] as const

export function dashboardScreen(desk: Desk): Route[] {
  const { house } = desk
  const thingsToDo = createToDo(house)
  return [{ method: 'get', path: '', roles: EVERYONE, handler: show }]

  async function show(req: Request, res: Response): Promise<void> {
    const isOwner = operatorOf(res).role === 'owner'
    const [idps, things, ...counted] = await Promise.all([
      listEntries(house.db, 'idp'),
      // Who cannot do them is not told.
      isOwner ? thingsToDo() : { steps: [], toDo: [] },
      ...PERIODS.map(({ hours }) => countOutcomes(house.db, new Date(house.now().getTime() - hours * HOUR_MS))),
    ])
    const nameOf = (idpId: string | undefined) => {
      if (idpId === undefined) return 'Password, or none chosen'
      return String(idps.find(({ id }) => id === idpId)?.['display_name'] ?? 'An identity provider that is gone')
    }
    const periods = PERIODS.map((period, index) => ({ ...period, ...figuresOf(counted[index] ?? [], nameOf) }))
    desk.show(req, res, 'dashboard', { title: 'Dashboard', ...things, isOwner, periods, groups: GROUPS })
  }
}
