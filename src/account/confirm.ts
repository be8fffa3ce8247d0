// Confirm that it is you: with the password, or by signing in once more at an idp that is connected already.
import type { Request, Response } from 'express'
import { MY_ACCOUNT, MY_ACCOUNT_HOME } from '../db/applications.ts'
import { findIdentity, mayComeInAs } from '../db/identities.ts'
import { findIdp } from '../db/idps.ts'
import { waysInOf } from '../db/ways-in.ts'
import { findFlow, startFlow } from '../flow.ts'
import { expiredError, notFoundError } from '../flow-pages.ts'
import { createLocalSignIn } from '../login/local.ts'
import { signedInNow } from '../login/signed-in-now.ts'
import { loginAgain } from '../login/ways.ts'
import { endInAccount } from '../provisioning/provision.ts'
import { joinName } from '../stores/name.ts'
import { clientOf } from '../web/client.ts'
import { PageError } from '../web/errors.ts'
import { oneParameter, readFields } from '../web/forms.ts'
import type { Message, Problem } from '../web/page.ts'
import { redirectSaved } from '../web/session.ts'
import { CONFIRM, type Room, userOf, visitOf } from './desk.ts'

interface ConfirmPage {
  title: Message
  problems: Problem[]
  action: string
  next: string
  hasPassword: boolean
  idps: { displayName: string; href: string }[]
}

const WRONG = { other: 'CONFIRM_OTHER', old: 'CONFIRM_OLD', unsaid: 'CONFIRM_UNSAID' }

export const confirmRoom: Room = (desk) => {
  const { house } = desk
  const local = createLocalSignIn(house)
  return [
    { method: 'get', path: CONFIRM, handler: show },
    { method: 'post', path: CONFIRM, handler: submit },
    { method: 'get', path: `${CONFIRM}/idp`, handler: leave },
    { method: 'get', path: '/proved', handler: comeBack },
  ]

  function show(req: Request, res: Response): Promise<void> {
    return answer(req, res, 200, nextOf(oneParameter(req.query['next'])))
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const next = nextOf(fields.one('next'))
    const { id, store, username } = userOf(res)
    const outcome = await local.check(joinName(store, username), fields.one('password'), clientOf(req))
    switch (outcome.kind) {
      case 'known':
        // Of the same name in no other store: what counts is whose it is.
        if (outcome.userId !== id) return answer(req, res, 422, next, { key: 'CONFIRM_FAILED' })
        visitOf(req).provedAt = house.now().getTime()
        return redirectSaved(res, `${MY_ACCOUNT_HOME}${next}`)
      case 'wrong':
        return answer(req, res, 422, next, { key: 'CONFIRM_FAILED' })
      case 'too-many':
        res.setHeader('Retry-After', String(outcome.minutes * 60))
        return answer(req, res, 429, next, { key: 'TOO_MANY', values: { n: outcome.minutes } })
      default:
        return outcome satisfies never
    }
  }

  /** A link and no form, whose redirect must not leave the house (CSP form-action). */
  async function leave(req: Request, res: Response): Promise<void> {
    const { id } = userOf(res)
    const name = oneParameter(req.query['idp'])
    const { idps } = await waysInOf(house.db, id)
    if (!idps.some((idp) => idp.name === name && idp.isOpen)) throw new PageError(404, 'missing')
    const to = nextOf(oneParameter(req.query['next']))
    const door = { kind: 'my-account', applicationId: MY_ACCOUNT, intent: 'prove', userId: id, to } as const
    res.redirect(303, loginAgain(await startFlow(house, req, res, door), name))
  }

  /** Back from the idp. Only the same person, in the session that asked, has proved anything. */
  async function comeBack(req: Request, res: Response): Promise<void> {
    const flow = await findFlow(house, req, oneParameter(req.query['sessionDataKey']))
    const { id } = userOf(res)
    if (flow?.door.kind !== 'my-account' || flow.door.intent !== 'prove' || flow.door.userId !== id)
      throw await notFoundError(house, req)
    const to = flow.door.to
    if (flow.ending) return res.redirect(303, `${MY_ACCOUNT_HOME}${to}`)
    const { profile, idpId } = flow
    if (flow.isExpired || !profile || idpId === undefined) throw await expiredError(house, flow, loginAgain)
    const person = { idpId, issuer: profile.issuer, subject: profile.subject }
    const identity = await findIdentity(house.db, person)
    const isOn = (await findIdp(house.db, idpId))?.isEnabled === true
    if (identity?.userId === id && !(isOn && (await mayComeInAs(house.db, person, id)))) {
      // Turned off since they came back, or they are locked: its word counts for nothing from that moment on.
      await endInAccount(house, flow, { kind: 'declined' })
      return res.redirect(303, desk.confirmAddress(to))
    }
    const { hasPassword, idps } = await waysInOf(house.db, id)
    const signedIn = identity?.userId === id ? await signedInNow(house, idpId, profile, { hasPassword }) : 'other'
    if (signedIn !== 'now') {
      await endInAccount(house, flow, { kind: 'declined' })
      const idp = idps.find((one) => one.idpId === idpId)?.displayName ?? ''
      return answer(req, res, 422, to, { key: WRONG[signedIn], values: { idp } })
    }
    const isEnded = await endInAccount(house, flow, { kind: 'proved', userId: id })
    // From when the idp said so, however late its word is brought here.
    if (isEnded) visitOf(req).provedAt = (flow.calledBackAt ?? house.now()).getTime()
    redirectSaved(res, `${MY_ACCOUNT_HOME}${to}`)
  }

  async function answer(req: Request, res: Response, status: number, next: string, problem?: Message): Promise<void> {
    const { hasPassword, idps } = await waysInOf(house.db, userOf(res).id)
    const href = (name: string) => `${MY_ACCOUNT_HOME}${CONFIRM}/idp?${new URLSearchParams({ idp: name, next })}`
    desk.show<ConfirmPage>(
      req,
      res,
      'confirm',
      {
        title: { key: 'confirm.title' },
        problems: problem ? [{ field: hasPassword ? 'password' : 'idps', message: problem }] : [],
        action: `${MY_ACCOUNT_HOME}${CONFIRM}`,
        next,
        hasPassword,
        idps: idps.filter(({ isOpen }) => isOpen).map(({ displayName, name }) => ({ displayName, href: href(name) })),
      },
      status,
    )
  }
}

/** Where somebody wanted to go: a path below /myaccount, of a flow or a detail if need be, and nothing else, for anybody can write an address. */
export function nextOf(value: string | undefined): string {
  return value !== undefined &&
    /^(\/[\w~-][\w.~-]*)+(\?(sessionDataKey=[\w-]{24}|attribute=[\w-]{1,100}))?$/.test(value)
    ? value
    : ''
}
