// Into the console and out of it: password, code of the authenticator app, and the password once more before what cannot be undone.
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { createBrake } from '../db/brakes.ts'
import { findOperator, isSetUp, type Operator } from '../db/operators.ts'
import { findTotp, takeStep, totpContext } from '../db/user-factors.ts'
import { triesKey } from '../factors/show.ts'
import { createLocalSignIn } from '../login/local.ts'
import { joinName } from '../stores/name.ts'
import { totpStepOf } from '../stores/totp.ts'
import { clientOf } from '../web/client.ts'
import { csrfToken, sameOrigin, sessionToken } from '../web/csrf.ts'
import { methodNotAllowed } from '../web/errors.ts'
import { formBody, oneParameter, readFields } from '../web/forms.ts'
import { redirectSaved, type Sessions } from '../web/session.ts'
import type { Desk, Page } from './desk.ts'
import { operatorIn, sessionOf } from './desk.ts'
import { outsideToken } from './form-cookie.ts'

export const SIGN_IN = '/console/sign-in'
const CODE = '/console/sign-in/code'
export const CONFIRM = '/console/confirm'
const SIGN_OUT = '/console/sign-out'

const CODES_PER_WINDOW = 5
const WINDOW_SECONDS = 600
/** How long a right password waits for its code. */
const HALF_MS = 5 * 60_000

const WRONG = 'Username or password is not right. Check and try again'
const WRONG_CODE = 'This code is not right, or it was used already. Wait for the next one'

interface SignInPage extends Page {
  csrf: string
  next: string
  username: string
}

export function signInRoutes(desk: Desk, sessions: Sessions): Router {
  const { house } = desk
  const local = createLocalSignIn(house)
  const perUser = createBrake(house.db, CODES_PER_WINDOW, WINDOW_SECONDS)
  const ours = sameOrigin(house.publicUrl)
  const outside = outsideToken(house.publicUrl)

  const router = Router()
  router.get(SIGN_IN, ...outside, showSignIn)
  router.post(SIGN_IN, ours, formBody, ...outside, submitSignIn)
  router.get(CODE, withSession, sessionToken, showCode)
  router.post(CODE, ours, withSession, formBody, sessionToken, submitCode)
  router.get(CONFIRM, withSession, sessionToken, showConfirm)
  router.post(CONFIRM, ours, withSession, formBody, sessionToken, submitConfirm)
  router.post(SIGN_OUT, ours, withSession, formBody, sessionToken, signOut)
  router.all([SIGN_IN, CODE, CONFIRM], methodNotAllowed('GET', 'HEAD', 'POST'))
  router.all(SIGN_OUT, methodNotAllowed('POST'))
  return router

  async function showSignIn(req: Request, res: Response): Promise<void> {
    if (!(await isSetUp(house.db))) return res.redirect(303, '/setup')
    answer(res, 200, { csrf: csrfToken(req), next: nextOf(req.query['next']), username: '' })
  }

  async function submitSignIn(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const username = fields.one('username')
    const page = { csrf: csrfToken(req), next: nextOf(fields.one('next')), username }
    const provedAt = house.now().getTime()
    const outcome = await local.check(username, fields.one('password'), clientOf(req))
    if (outcome.kind === 'too-many') return tooMany(res, outcome.minutes, (text) => answer(res, 429, page, text))
    // Whoever has the right password and no business here is told what everybody is told.
    const operator = outcome.kind === 'known' ? await findOperator(house.db, outcome.userId) : undefined
    if (!operator) return answer(res, 422, page, WRONG)
    const session = { userId: operator.userId, provedAt }
    await sessions.begin(req, operator.hasTotp ? { ...session, isHalf: true } : session)
    res.redirect(303, operator.hasTotp ? `${CODE}?${new URLSearchParams({ next: page.next })}` : page.next)
  }

  async function showCode(req: Request, res: Response): Promise<void> {
    if (!(await halfOf(req))) return res.redirect(303, SIGN_IN)
    answerCode(req, res, 200, nextOf(req.query['next']))
  }

  async function submitCode(req: Request, res: Response): Promise<void> {
    const operator = await halfOf(req)
    if (!operator) return res.redirect(303, SIGN_IN)
    const fields = readFields(req.body)
    const next = nextOf(fields.one('next'))
    const outcome = await checkCode(operator, fields.one('code'))
    if (outcome !== 'right') {
      if (outcome === 'wrong') return answerCode(req, res, 422, next, WRONG_CODE)
      return tooMany(res, outcome.minutes, (text) => answerCode(req, res, 429, next, text))
    }
    await sessions.begin(req, { userId: operator.userId, provedAt: sessionOf(req).provedAt })
    res.redirect(303, next)
  }

  async function showConfirm(req: Request, res: Response): Promise<void> {
    const operator = await signedIn(req)
    if (!operator) return res.redirect(303, SIGN_IN)
    answerConfirm(req, res, 200, operator, nextOf(req.query['next']))
  }

  async function submitConfirm(req: Request, res: Response): Promise<void> {
    const operator = await signedIn(req)
    if (!operator) return res.redirect(303, SIGN_IN)
    const fields = readFields(req.body)
    const next = nextOf(fields.one('next'))
    const typed = joinName(operator.store, operator.username)
    const provedAt = house.now().getTime()
    const outcome = await local.check(typed, fields.one('password'), clientOf(req))
    if (outcome.kind === 'too-many')
      return tooMany(res, outcome.minutes, (text) => answerConfirm(req, res, 429, operator, next, text))
    if (outcome.kind === 'wrong' || outcome.userId !== operator.userId)
      return answerConfirm(req, res, 422, operator, next, 'Password is not right. Check and try again')
    const code = operator.hasTotp ? await checkCode(operator, fields.one('code')) : 'right'
    if (code === 'wrong') return answerConfirm(req, res, 422, operator, next, WRONG_CODE, 'code')
    if (code !== 'right')
      return tooMany(res, code.minutes, (text) => answerConfirm(req, res, 429, operator, next, text, 'code'))
    sessionOf(req).provedAt = provedAt
    redirectSaved(res, next)
  }

  async function signOut(req: Request, res: Response): Promise<void> {
    await sessions.end(req)
    res.redirect(303, SIGN_IN)
  }

  /** Counted before it is looked at: of many tries at once no more than the limit get through (S164). */
  async function checkCode(operator: Operator, code: string): Promise<'right' | 'wrong' | { minutes: number }> {
    const now = house.now()
    const { userId } = operator
    const key = triesKey(house, userId)
    const wait = await perUser.take(key, now)
    if (wait !== undefined) return { minutes: Math.max(1, Math.ceil(wait / 60_000)) }
    const factor = await findTotp(house.db, userId, '')
    if (!factor?.isConfirmed) return 'wrong'
    const { secretSealed } = factor
    const step = totpStepOf(house.keyring.unseal(totpContext(userId), secretSealed), code, now)
    if (step === undefined || !(await takeStep(house.db, { userId, secretSealed, step, now }))) return 'wrong'
    await perUser.forget(key)
    return 'right'
  }

  /** Whose code is waited for. */
  async function halfOf(req: Request): Promise<Operator | undefined> {
    const { userId, isHalf, provedAt } = sessionOf(req)
    if (userId === undefined || !isHalf || house.now().getTime() - provedAt > HALF_MS) return undefined
    return operatorIn(house, sessionOf(req))
  }

  async function signedIn(req: Request): Promise<Operator | undefined> {
    return sessionOf(req).isHalf ? undefined : operatorIn(house, sessionOf(req))
  }

  function answer(res: Response, status: number, page: Omit<SignInPage, 'title'>, problem?: string): void {
    const problems = problem === undefined ? [] : [{ field: 'username', text: problem }]
    desk.showOutside(res, 'sign-in', { title: 'Sign in to the console', ...page, problems }, status)
  }

  function answerCode(req: Request, res: Response, status: number, next: string, problem?: string): void {
    const problems = problem === undefined ? [] : [{ field: 'code', text: problem }]
    desk.showOutside(res, 'code', { title: 'Enter your code', csrf: csrfToken(req), next, problems }, status)
  }

  function answerConfirm(
    req: Request,
    res: Response,
    status: number,
    operator: Operator,
    next: string,
    problem?: string,
    field = 'password',
  ): void {
    const problems = problem === undefined ? [] : [{ field, text: problem }]
    const page = { title: 'Confirm that it is you', csrf: csrfToken(req), next, hasTotp: operator.hasTotp, problems }
    desk.showOutside(res, 'confirm', { ...page, username: operator.username }, status)
  }
}

/** A token for somebody without a session would make one, and a form that comes after the session has nobody to be checked against. */
const withSession: RequestHandler = (req, res, next) => {
  if (sessionOf(req).userId === undefined) return res.redirect(303, SIGN_IN)
  next()
}

function tooMany(res: Response, minutes: number, say: (text: string) => void): void {
  res.setHeader('Retry-After', String(minutes * 60))
  say(`You have tried many times. Wait ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}, then try again`)
}

/** Where somebody wanted to go: a path of the console and nothing else, for anybody can write an address. */
function nextOf(value: unknown): string {
  const next = oneParameter(value) ?? ''
  return /^\/console(\/[\w.~-]+)*$/.test(next) && !next.split('/').includes('..') ? next : '/console'
}
