// The second factor during a sign-in: to show one, or to set one up that is required. Handlers read: find, decide, read, do, redirect.
import { type Request, type Response, Router } from 'express'
import { noteFactor, noteProblems } from '../db/flows.ts'
import { noteOffer } from '../db/proofs.ts'
import { sentAt } from '../db/user-factors.ts'
import { BACKUP_CODE, EMAIL_OTP, EMAIL_OTP_ENROLL, factorAddress, TOTP, TOTP_ENROLL } from '../factors/addresses.ts'
import { createSecondFactors, type Shown, type Typed } from '../factors/show.ts'
import { type BrowserFlow, type Flow, findFlow } from '../flow.ts'
import { expiredError, notFoundError } from '../flow-pages.ts'
import type { House } from '../house.ts'
import { endWithoutUser } from '../provisioning/provision.ts'
import { clientOf } from '../web/client.ts'
import { csrfToken, flowToken, sameOrigin } from '../web/csrf.ts'
import { methodNotAllowed } from '../web/errors.ts'
import { type Fields, formBody, oneParameter, readFields } from '../web/forms.ts'
import { LANGUAGE, takeLanguage } from '../web/language.ts'
import type { Message } from '../web/page.ts'
import { factorPage, maskedAddress, mayBeAt, type Page, pageFor, type Showing } from './factor-pages.ts'
import { nextAfterFactor, type Waiting, waitingOf } from './waiting.ts'
import { loginAgain } from './ways.ts'

const PAGES: Record<string, Page> = {
  [TOTP]: { way: 'totp', step: 'show' },
  [EMAIL_OTP]: { way: 'email', step: 'show' },
  [BACKUP_CODE]: { way: 'backup', step: 'show' },
  [TOTP_ENROLL]: { way: 'totp', step: 'enrol' },
  [EMAIL_OTP_ENROLL]: { way: 'email', step: 'enrol' },
}

const STAY = '/accountrecoveryendpoint/stay'

interface FactorWays {
  /** Where an ended flow is answered, and where one that goes on finds its page. */
  ended: (flowId: string) => string
  /** Where a flow goes on that must not be settled here, because it only proves something; undefined for every other flow. */
  inside: (flow: Flow) => string | undefined
}

export function secondFactorRoutes(house: House, ways: FactorWays): Router {
  const factors = createSecondFactors(house)
  const router = Router()
  for (const path of Object.keys(PAGES)) {
    router.get(path, requireFlow, flowToken(secretOf), show)
    router.post(path, sameOrigin(house.publicUrl), formBody, requireFlow, flowToken(secretOf), submit)
    router.all(path, methodNotAllowed('GET', 'HEAD', 'POST'))
  }
  return router

  async function requireFlow(req: Request, res: Response, next: (error?: unknown) => void): Promise<void> {
    const isPost = req.method === 'POST'
    const key = isPost ? readFields(req.body).one('sessionDataKey') : oneParameter(req.query['sessionDataKey'])
    const flow = await findFlow(house, req, key)
    if (!flow) throw await notFoundError(house, req)
    if (flow.ending) return res.redirect(303, ways.ended(flow.id))
    if (flow.isExpired) throw await expiredError(house, flow, loginAgain)
    const inside = ways.inside(flow)
    if (inside) return res.redirect(303, inside)
    res.locals['flow'] = flow
    next()
  }

  async function show(req: Request, res: Response): Promise<void> {
    const found = await find(req, res)
    if (!found) return
    const { waiting, page } = found
    // A secret is made by whoever looks at it, each time: one that was shown and never confirmed is never good (S161).
    const isNew = page.step === 'enrol' && page.way === 'totp' && req.method === 'GET'
    const { userId } = waiting
    const secret = isNew ? await factors.newSecret({ userId, boundTo: flowOf(res).id }) : undefined
    if (waiting.verdict) await noteOffer(house.db, flowOf(res).id, waiting.verdict)
    await answer(req, res, found, secret === undefined ? {} : { secret })
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    const fields = readFields(req.body)
    flow.language = takeLanguage(res, house.publicUrl, fields)
    if (fields.one('do') === 'decline') {
      await endWithoutUser(house, flow, { kind: 'declined', at: 'second-factor' })
      return res.redirect(303, ways.ended(flow.id))
    }
    const found = await find(req, res)
    if (!found) return
    if (fields.names.includes(LANGUAGE)) return answer(req, res, found, {})
    if (fields.one('do') === 'send') return send(req, res, found)
    await take(req, res, found, fields)
  }

  async function send(req: Request, res: Response, found: Found): Promise<void> {
    const { waiting, page, path } = found
    if (page.way !== 'email') return res.redirect(303, factorAddress(flowOf(res).id, path))
    const { id, language } = flowOf(res)
    const sent = await factors.send({ userId: waiting.userId, boundTo: id, language })
    if (sent.kind === 'sent') return res.redirect(303, factorAddress(id, path))
    if (sent.kind === 'no-address') return wrong(req, res, found, { key: 'FACTOR_NO_ADDRESS' }, 409)
    await tooMany(req, res, found, sent.minutes)
  }

  async function take(req: Request, res: Response, found: Found, fields: Fields): Promise<void> {
    const flow = flowOf(res)
    const { waiting, page } = found
    const { userId } = waiting
    const code = fields.one('code')
    const typed: Typed = {
      userId,
      boundTo: flow.id,
      language: flow.language,
      way: page.way,
      code,
      client: clientOf(req),
    }
    const note = (db: House['db']) => noteFactor(db, flow.id, { userId, kind: page.way, now: house.now() })
    if (page.step === 'show' || page.way === 'backup') {
      const shown = await factors.show(typed, note)
      return shown.kind === 'shown' ? goOn(req, res) : refuse(req, res, found, shown)
    }
    const outcome = await factors.setUp({ ...typed, way: page.way }, note)
    if (outcome.kind !== 'set-up') return refuse(req, res, found, outcome)
    if (outcome.backupCodes.length === 0) return goOn(req, res)
    // Told once, and so in the answer itself: no address shows them again.
    res.setHeader('Cache-Control', 'no-store')
    const { name: application } = waiting.application
    house.views.send(res, 'backup-codes', { application, codes: outcome.backupCodes, href: ways.ended(flow.id) }, 200)
  }

  function refuse(req: Request, res: Response, found: Found, outcome: Exclude<Shown, { kind: 'shown' }>) {
    switch (outcome.kind) {
      case 'wrong':
        return wrong(req, res, found, { key: found.page.way === 'backup' ? 'BACKUP_WRONG' : 'FACTOR_WRONG' }, 422)
      case 'over':
        if (found.page.way === 'email') return wrong(req, res, found, { key: 'FACTOR_OVER' }, 422)
        return res.redirect(303, ways.ended(flowOf(res).id))
      case 'too-many':
        return tooMany(req, res, found, outcome.minutes)
      default:
        return outcome satisfies never
    }
  }

  function tooMany(req: Request, res: Response, found: Found, minutes: number): Promise<void> {
    res.setHeader('Retry-After', String(minutes * 60))
    return wrong(req, res, found, { key: 'TOO_MANY', values: { n: minutes } }, 429)
  }

  async function wrong(req: Request, res: Response, found: Found, problem: Message, status: number): Promise<void> {
    await noteProblems(house.db, flowOf(res).id, [problem.key])
    await answer(req, res, found, { problem }, status)
  }

  /** The flow as it is now goes on: what was shown stands in its row. */
  async function goOn(req: Request, res: Response): Promise<void> {
    const flow = await findFlow(house, req, flowOf(res).id)
    if (!flow) throw await notFoundError(house, req)
    res.redirect(303, (await nextAfterFactor(house, flow)) ?? ways.ended(flow.id))
  }

  /** Decides again. Undefined: there is nothing to show here, and the request is answered. */
  async function find(req: Request, res: Response): Promise<Found | undefined> {
    const flow = flowOf(res)
    const waiting = await waitingOf(house, flow)
    const path =
      Object.keys(PAGES).find((one) => one.toLowerCase() === req.path.toLowerCase().replace(/\/$/, '')) ?? TOTP
    const page = PAGES[path] as Page
    if (!waiting) {
      res.redirect(303, (await nextAfterFactor(house, flow)) ?? ways.ended(flow.id))
      return undefined
    }
    const address = await factors.addressFor(waiting.userId)
    const showing: Showing = { ...waiting, address }
    if (mayBeAt(page, showing)) return { waiting, showing, page, path }
    res.redirect(303, factorAddress(flow.id, pathOf(pageFor(showing))))
    return undefined
  }

  async function answer(
    req: Request,
    res: Response,
    found: Found,
    { problem, secret }: { problem?: Message; secret?: string },
    status = 200,
  ): Promise<void> {
    const { waiting, showing, page, path } = found
    const flow = flowOf(res)
    const isSent = page.way === 'email' && (await sentAt(house.db, flow.id, waiting.userId, house.now())) !== undefined
    const to = { userId: waiting.userId, boundTo: flow.id }
    // Begun again elsewhere meanwhile: that secret is not for this browser.
    const inHand = async () => secret ?? (await factors.secretBegun(to)) ?? (await factors.newSecret(to))
    const shown = page.step === 'enrol' && page.way === 'totp' ? await inHand() : undefined
    const context = {
      application: waiting.application.name,
      organization: house.settings().organization.name,
      openUntil: flow.expiresAt,
      form: { action: path, csrf: csrfToken(req), sessionDataKey: flow.id, stay: STAY },
      addressOf: (other: Page) => factorAddress(flow.id, pathOf(other)),
      otherHref: `${loginAgain(flow.id)}&choose=1`,
      isSent,
      masked: showing.address === undefined ? '' : maskedAddress(showing.address),
      ...(shown === undefined ? {} : { app: { secret: shown, issuer: house.publicUrl.host, label: waiting.called } }),
      ...(problem ? { problem } : {}),
    }
    house.views.send(res, 'second-factor', factorPage(page, showing, context), status)
  }
}

interface Found {
  waiting: Waiting
  showing: Showing
  page: Page
  path: string
}

function pathOf({ way, step }: Page): string {
  return Object.entries(PAGES).find(([, page]) => page.way === way && page.step === step)?.[0] ?? TOTP
}

function flowOf(res: Response): BrowserFlow {
  return res.locals['flow'] as BrowserFlow
}

function secretOf(req: Request): string {
  return flowOf(req.res as Response).csrfSecret
}
