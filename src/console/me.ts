// An operator's own sign-in: the authenticator app, the password, and sessions elsewhere.
import type { Request, Response } from 'express'
import { insertChange } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import { confirmFactor, dropFactor } from '../db/factor-changes.ts'
import { readOrganization } from '../db/installation.ts'
import { hashOfSession, removeSessionsOf } from '../db/sessions.ts'
import { listUserAttributes } from '../db/user-attributes.ts'
import { factorsOf, findTotp, putTotp, totpContext } from '../db/user-factors.ts'
import { changePassword, isStillIn } from '../db/user-state.ts'
import { problemMessage } from '../provisioning/form.ts'
import { wordsOfUser } from '../provisioning/personal-words.ts'
import { passwordProblem } from '../stores/password-policy.ts'
import { readStores } from '../stores/stores.ts'
import { inGroups, newTotpSecret, qrCode, totpAddress, totpStepOf } from '../stores/totp.ts'
import { clientOf } from '../web/client.ts'
import { readFields } from '../web/forms.ts'
import { EVERYONE, type Route } from './access.ts'
import { actorOf, type Desk, operatorOf, type Problem, sessionOf } from './desk.ts'

const ME = '/console/me'
const OUT_ELSEWHERE = 'You are signed out everywhere else, at applications too'

export function meScreen(desk: Desk): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/me', roles: EVERYONE, handler: (req, res) => answer(req, res) },
    { method: 'get', path: '/me/totp', roles: EVERYONE, fresh: true, handler: showTotp },
    { method: 'post', path: '/me/totp', roles: EVERYONE, fresh: true, handler: confirmTotp },
    { method: 'get', path: '/me/totp/remove', roles: EVERYONE, fresh: true, handler: showRemoval },
    { method: 'post', path: '/me/totp/remove', roles: EVERYONE, fresh: true, handler: takeTotpAway },
    {
      method: 'get',
      path: '/me/password',
      roles: EVERYONE,
      fresh: true,
      handler: (req, res) => answerPassword(req, res),
    },
    { method: 'post', path: '/me/password', roles: EVERYONE, fresh: true, handler: submitPassword },
    { method: 'post', path: '/me/sign-out-elsewhere', roles: EVERYONE, handler: signOutElsewhere },
  ]

  function answer(req: Request, res: Response): void {
    desk.show(req, res, 'me', { title: 'Your sign-in' })
  }

  async function showTotp(req: Request, res: Response): Promise<void> {
    const { userId, hasTotp } = operatorOf(res)
    if (hasTotp) return res.redirect(303, ME)
    if (await hasAnother(userId)) return sendToMyAccount(req, res)
    // A new one each time: one that was shown and never confirmed is never good.
    const secret = newTotpSecret()
    const secretSealed = house.keyring.seal(totpContext(userId), secret)
    await putTotp(house.db, { userId, boundTo: boundTo(req), secretSealed })
    answerTotp(req, res, 200, secret, [])
  }

  async function confirmTotp(req: Request, res: Response): Promise<void> {
    const { userId, hasTotp } = operatorOf(res)
    const factor = await findTotp(house.db, userId, boundTo(req))
    if (hasTotp || !factor) return res.redirect(303, ME)
    if (await hasAnother(userId)) return sendToMyAccount(req, res)
    const { secretSealed } = factor
    const secret = house.keyring.unseal(totpContext(userId), secretSealed)
    const step = totpStepOf(secret, readFields(req.body).one('code'), house.now())
    const code = step === undefined ? undefined : ({ kind: 'totp', secretSealed, step } as const)
    // No backup codes: the console takes none, and whoever wants some makes them in My Account.
    const how = { backupCodes: [], note: told(req, res, 'created') }
    const outcome = code ? await confirmFactor(house, changer(req, res), code, how) : 'wrong'
    if (outcome === 'wrong')
      return answerTotp(req, res, 422, secret, [
        { field: 'code', text: 'This code is not right. Check the time of your phone, then enter the next one' },
      ])
    if (outcome === 'over') return res.redirect(303, ME)
    goOn(req, outcome.at)
    desk.done(req, res, ME, `From now on we ask for a code of your app when you sign in. ${OUT_ELSEWHERE}`)
  }

  /** Whoever changes their factors by this session, which goes on. */
  function changer(req: Request, res: Response) {
    return { userId: operatorOf(res).userId, language: 'en', session: req.sessionID }
  }

  /** Tells the history, where this session has not ended meanwhile. */
  function told(req: Request, res: Response, action: string) {
    const { userId } = operatorOf(res)
    return async (transaction: Db) => {
      const isIn = await isStillIn(transaction, { userId, session: req.sessionID, now: house.now() })
      if (isIn)
        await insertChange(transaction, actorOf(req, res), { action, kind: 'authenticator app', object: userId })
      return isIn
    }
  }

  /** What was proved before all sessions ended is over, and this session goes on. */
  function goOn(req: Request, at: Date): void {
    sessionOf(req).provedAt = at.getTime()
  }

  /** The console asks for no codes by email: whoever has the password alone would add an app of their own, and pass with it everywhere. */
  async function hasAnother(userId: string): Promise<boolean> {
    return house.settings().enhanced.isOn && (await factorsOf(house.db, userId)).kinds.length > 0
  }

  function sendToMyAccount(req: Request, res: Response): void {
    const body =
      'Set the app up in My Account, where you show that code first. The console asks for the app from then on.'
    desk.stop(req, res, 403, 'You have codes by email already', body, { label: 'Go to your sign-in', href: ME })
  }

  function answerTotp(req: Request, res: Response, status: number, secret: string, problems: Problem[]): void {
    const address = totpAddress(secret, { issuer: house.publicUrl.host, label: operatorOf(res).username })
    const page = { title: 'Set up an authenticator app', crumbs: [{ label: 'Your sign-in', href: ME }], problems }
    desk.show(
      req,
      res,
      'totp',
      {
        ...page,
        secret: inGroups(secret),
        qr: qrCode(address, 'QR code for your authenticator app'),
      },
      status,
    )
  }

  async function showRemoval(req: Request, res: Response): Promise<void> {
    if (isRequired() && (await factorsOf(house.db, operatorOf(res).userId)).kinds.length === 1)
      return keepTotp(req, res)
    desk.show(req, res, 'totp-remove', {
      title: 'Stop asking for codes',
      crumbs: [{ label: 'Your sign-in', href: ME }],
    })
  }

  async function takeTotpAway(req: Request, res: Response): Promise<void> {
    const how = { isRequired: isRequired(), note: told(req, res, 'deleted') }
    const outcome = await dropFactor(house, changer(req, res), 'totp', how)
    if (outcome === 'required') return keepTotp(req, res)
    if (outcome === 'over') return res.redirect(303, ME)
    goOn(req, outcome.at)
    desk.done(req, res, ME, `We do not ask for codes any more. ${OUT_ELSEWHERE}`)
  }

  function isRequired(): boolean {
    const { isOn, requireSecondFactor } = house.settings().enhanced
    return isOn && requireSecondFactor
  }

  function keepTotp(req: Request, res: Response): void {
    const body = 'The settings say so. Set up codes by email in My Account first, or have the setting changed.'
    const back = { label: 'Go to your sign-in', href: ME }
    desk.stop(req, res, 403, 'Everybody has to have a second factor, and this is your last', body, back)
  }

  function answerPassword(req: Request, res: Response, problems: Problem[] = []): void {
    const page = { title: 'Change your password', crumbs: [{ label: 'Your sign-in', href: ME }], problems }
    desk.show(req, res, 'password', { ...page, username: operatorOf(res).username }, problems.length > 0 ? 422 : 200)
  }

  async function submitPassword(req: Request, res: Response): Promise<void> {
    const { userId, username, store } = operatorOf(res)
    const password = readFields(req.body).one('password')
    const policy = (await readStores(house.db)).find(({ name }) => name === store)?.policy
    const { name: org } = await readOrganization(house.db)
    const words = wordsOfUser(username, await listUserAttributes(house.db, userId), org)
    const problem = passwordProblem(password, words, policy?.password)
    if (problem) {
      const text = house.views.t(problemMessage(problem, { org }), 'en')
      return answerPassword(req, res, [{ field: 'password', text }])
    }
    const hash = await house.passwords.hash(password, clientOf(req))
    const now = house.now()
    const isChanged = await changePassword(house.db, userId, { hash, session: req.sessionID }, actorOf(req, res), now)
    // Leads to the sign-in.
    if (!isChanged) return res.redirect(303, ME)
    goOn(req, now)
    desk.done(req, res, ME, `Your password is changed. ${OUT_ELSEWHERE}`)
  }

  async function signOutElsewhere(req: Request, res: Response): Promise<void> {
    await removeSessionsOf(house.db, 'console_sessions', operatorOf(res).userId, req.sessionID)
    desk.done(req, res, ME, 'Other sessions of yours in the console have ended')
  }
}

/** The session that sets an app up: no other one learns its secret. */
function boundTo(req: Request): string {
  return hashOfSession(req.sessionID).toString('hex')
}
