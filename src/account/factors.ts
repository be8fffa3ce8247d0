// Second factors in My Account: what somebody has, and what each page that changes them says and needs.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import type { Note } from '../db/factor-changes.ts'
import { hashOfSession, isSessionOpen } from '../db/sessions.ts'
import { backupCodesMadeAt, factorsOf, listFactors } from '../db/user-factors.ts'
import { findUser } from '../db/users.ts'
import type { FactorKind, Way } from '../factors/need.ts'
import type { SecondFactors, Shown, Typed } from '../factors/show.ts'
import type { House } from '../house.ts'
import { maskedAddress } from '../login/factor-pages.ts'
import { clientOf } from '../web/client.ts'
import { languageOf } from '../web/language.ts'
import type { Message } from '../web/page.ts'
import { type Desk, type MissingProof, SIGN_IN, userOf } from './desk.ts'

/** Below /myaccount. */
export const FACTORS = `${SIGN_IN}/factors`
export const FACTOR_KINDS: readonly FactorKind[] = ['totp', 'email']

const NAMES: Record<FactorKind, string> = { totp: 'factors.totp', email: 'factors.email' }
const ADD: Record<FactorKind, string> = { totp: 'factors.totp.add', email: 'factors.email.add' }

export interface FactorsOnPage {
  factors: { id: string; label: Message; day: string; hint?: Message; removeHref: string }[]
  addable: { label: Message; add: Message; href: string }[]
  /** Letters are sent, but there is nowhere to send this person one. */
  hasNoAddress: boolean
  /** Absent without a factor that they could stand in for. */
  backup?: { left: number; day?: string; href: string }
}

/** What the page Sign-in says of them. */
export async function factorsOnPage(
  house: House,
  secondFactors: SecondFactors,
  userId: string,
): Promise<FactorsOnPage> {
  const [rows, { kinds, backupCodes }, madeAt, address] = await Promise.all([
    listFactors(house.db, userId),
    factorsOf(house.db, userId),
    backupCodesMadeAt(house.db, userId),
    secondFactors.addressFor(userId),
  ])
  const home = `${MY_ACCOUNT_HOME}${FACTORS}`
  const canAdd = (kind: FactorKind) => !kinds.includes(kind) && (kind === 'totp' || address !== undefined)
  return {
    factors: rows.flatMap(({ kind, since }) => {
      const label = { key: NAMES[kind] }
      return since
        ? [
            {
              id: `factor-${kind}`,
              label,
              day: dayOf(since),
              ...hintOf(kind, address),
              removeHref: `${home}/${kind}/remove`,
            },
          ]
        : []
    }),
    addable: FACTOR_KINDS.filter(canAdd).map((kind) => ({
      label: { key: NAMES[kind] },
      add: { key: ADD[kind] },
      href: `${home}/${kind}`,
    })),
    hasNoAddress: house.postman !== undefined && address === undefined && !kinds.includes('email'),
    ...(kinds.length === 0
      ? {}
      : { backup: { left: backupCodes, ...(madeAt ? { day: dayOf(madeAt) } : {}), href: `${home}/backup-codes` } }),
  }
}

function hintOf(kind: FactorKind, address: string | undefined): { hint?: Message } {
  if (kind !== 'email') return {}
  if (address === undefined) return { hint: { key: 'factors.email.nowhere' } }
  return { hint: { key: 'factors.email.to', values: { address: maskedAddress(address) } } }
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}

/** Who shows or changes a second factor, in this very session. */
export function showerOf(req: Request, res: Response): Omit<Typed, 'way' | 'code'> & { session: string } {
  return {
    userId: userOf(res).id,
    language: languageOf(res),
    session: req.sessionID,
    boundTo: hashOfSession(req.sessionID).toString('hex'),
    client: clientOf(req),
  }
}

/** What it counts for: the session of the request, which nobody may have ended meanwhile. */
export function noteOf(house: House, req: Request, res: Response): Note {
  const { userId, session } = showerOf(req, res)
  return async (transaction) =>
    (await findUser(transaction, userId))?.isLocked === false &&
    isSessionOpen(transaction, 'account_sessions', { userId, session, now: house.now() })
}

/** What is said of a code that did not do. */
export function refusalOf(
  res: Response,
  outcome: Exclude<Shown, { kind: 'shown' }>,
  way: Way,
): { status: number; message: Message } {
  switch (outcome.kind) {
    case 'wrong':
      return { status: 422, message: { key: WRONG[way] } }
    case 'over':
      return { status: 422, message: { key: 'FACTOR_OVER' } }
    case 'too-many':
      res.setHeader('Retry-After', String(outcome.minutes * 60))
      return { status: 429, message: { key: 'TOO_MANY', values: { n: outcome.minutes } } }
    default:
      return outcome satisfies never
  }
}

const WRONG: Record<Way, string> = {
  totp: 'FACTOR_WRONG',
  email: 'FACTORS_WRONG_EMAIL',
  backup: 'BACKUP_WRONG',
}

/** Codes by e-mail go with the address: whoever stops or changes it shows first what somebody shows who removes a factor. */
export async function missingFor(
  desk: Desk,
  req: Request,
  res: Response,
  attribute: string,
): Promise<MissingProof | undefined> {
  if (attribute !== 'email' || !desk.house.settings().enhanced.isOn) return undefined
  const { kinds } = await factorsOf(desk.house.db, userOf(res).id)
  return kinds.includes('email') ? desk.missingProof(req, res) : undefined
}
