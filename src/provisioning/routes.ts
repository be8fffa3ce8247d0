// register.do and signup.do: the one page that asks, and the two addresses that its script calls. Handlers read: find, decide, read, do, redirect.
import { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express'
import { noteProblems } from '../db/flows.ts'
import { type BrowserFlow, type Flow, findFlow, hasFlows, stayOpen } from '../flow.ts'
import { expiredError, notFoundError } from '../flow-pages.ts'
import type { House } from '../house.ts'
import { clientOf } from '../web/client.ts'
import { csrfToken, flowToken, sameOrigin } from '../web/csrf.ts'
import { methodNotAllowed, PageError } from '../web/errors.ts'
import { formBody, oneParameter, readFields } from '../web/forms.ts'
import { LANGUAGE, takeLanguage } from '../web/language.ts'
import {
  choiceFrom,
  type Found,
  limitsOf,
  nameStatusOf,
  newUserOf,
  pageOf,
  readAnswers,
  sameAgain,
  saveChoice,
  switchAddress,
} from './answers.ts'
import { wayElsewhere } from './elsewhere.ts'
import { askedOf, keep, takenProblem, typedName } from './form.ts'
import { tooManyError } from './limits.ts'
import { connectAddress } from './offer.ts'
import type { PageContext, Try } from './page.ts'
import { firstView, memoryOf, tryOf } from './page.ts'
import { fieldOf } from './place.ts'
import { provision } from './provision.ts'
import { type Returned, takeAnswers } from './returned.ts'
import type { Arrived } from './settle.ts'
import { mayPutOff, sayNo, settle } from './settle.ts'

/** What the rest of the house answers for these pages: where a flow goes when there is nothing to ask, and how its door stays open. */
export interface Ways {
  /** Where an ended flow is answered. */
  ended: (flowId: string) => string
  /** Where a flow starts again, with the same door and idp. */
  again: (flowId: string, idpName?: string, options?: { otherAccount: boolean }) => string
  /** Where a flow goes on that must not be settled here, because it only proves something; undefined for every other flow. */
  inside: (flow: Flow) => string | undefined
  /** Keeps the door open as long as the flow. False when it is shut. */
  stay: (req: Request, res: Response, flow: Flow) => Promise<boolean>
}

const STATUS = '/accountrecoveryendpoint/username-status'
const STAY = '/accountrecoveryendpoint/stay'

/** `routes`: of the prompts where they are. `strayed` comes after every other route: of those who have one open that was there before. */
export function promptRoutes(house: House, ways: Ways): { routes: Router; strayed: RequestHandler } {
  const { wrongAnswers, nameChecks } = limitsOf(house)
  const router = Router()
  const form = [sameOrigin(house.publicUrl), formBody, requireFlow, flowToken(secretOf)]
  const showing = Router().use(requireFlow, flowToken(secretOf), show)
  const submitting = Router().use(form, submit)
  const refusing = methodNotAllowed('GET', 'HEAD', 'POST')
  // Where the two pages are can change while we run, so no route is fixed to a path.
  router.use((req, res, next) => {
    const path = promptAt(req.path)
    if (path === undefined) return next()
    res.locals['route'] = path
    if (req.method === 'POST') return submitting(req, res, next)
    return req.method === 'GET' || req.method === 'HEAD' ? showing(req, res, next) : refusing(req, res, next)
  })
  router.post(STATUS, form, tellStatus)
  router.all(STATUS, methodNotAllowed('POST'))
  router.post(STAY, form, stay)
  router.all(STAY, methodNotAllowed('POST'))
  return { routes: router, strayed }

  /** Their form comes back with all that they typed, from where the prompt is now. */
  function strayed(req: Request, res: Response, next: NextFunction): void {
    const isForm = req.method === 'POST' && req.is('urlencoded')
    const isVisit = req.method === 'GET' && req.query['sessionDataKey'] !== undefined
    if (!hasFlows(house, req) || !(isForm || isVisit)) return next()
    isForm ? submitting(req, res, next) : showing(req, res, next)
  }

  /** The path of the prompt that is asked for. As with Express's own routes neither case nor a slash at the end counts. */
  function promptAt(path: string): string | undefined {
    const { register, signup } = house.settings().prompts
    const plain = (text: string) => text.toLowerCase().replace(/(?<=.)\/$/, '')
    return [register, signup].find((prompt) => plain(prompt) === plain(path))
  }

  async function requireFlow(req: Request, res: Response, next: (error?: unknown) => void): Promise<void> {
    const key =
      req.method === 'POST' ? readFields(req.body).one('sessionDataKey') : oneParameter(req.query['sessionDataKey'])
    const flow = await findFlow(house, req, key)
    if (!flow) throw await notFoundError(house, req)
    res.locals['flow'] = flow
    next()
  }

  function secretOf(req: Request): string {
    return flowOf(req.res as Response).csrfSecret
  }

  async function show(req: Request, res: Response): Promise<void> {
    // Looking alone must use no key up, and give none out.
    const isVisit = req.method === 'GET'
    const asked = await find(res)
    if (!asked) return
    const answered = isVisit ? await takeAnswers(house, asked, req.query['answer']) : undefined
    if (answered === 'taken') return res.redirect(303, ways.ended(asked.flow.id))
    if (answered) return finish(res, asked, answered)
    // The scheme decides which page asks.
    if (req.path !== house.settings().prompts[asked.question.page]) return res.redirect(303, addressOf(asked))
    const elsewhere = isVisit ? await wayElsewhere(house, asked.flow, asked.question.page) : 'here'
    if (elsewhere === 'over') return res.redirect(303, ways.ended(asked.flow.id))
    if (elsewhere !== 'here') return leadTo(req, res, elsewhere.href, asked.situation.application.name)
    await answer(req, res, asked, 200, firstView(asked.situation, asked.question))
  }

  /** A form's redirect may not leave the house (CSP form-action): whoever may come from one of ours goes on from a page. */
  function leadTo(req: Request, res: Response, href: string, application: string): void {
    const mayComeFromForm = ['same-origin', undefined].includes(req.get('Sec-Fetch-Site'))
    if (mayComeFromForm) house.views.send(res, 'continue', { application, href }, 200)
    else res.redirect(303, href)
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    if (fields.one('do') === 'decline' && isOpen(flowOf(res))) {
      const flow = flowOf(res)
      const again = await sayNo(house, flow)
      if (!again || !hasProfile(flow)) return res.redirect(303, ways.ended(flow.id))
      const kept = keep(fields, askedOf(again.situation, again.question))
      return answer(req, res, { flow, ...again }, 422, { ...tryOf(kept), isChanged: true, isReturned: true })
    }
    flowOf(res).language = takeLanguage(res, house.publicUrl, fields)
    const found = await find(res, typedName(fields))
    if (!found) return
    // The words that they would agree to are others now: the same page in those, and nothing is created.
    if (fields.names.includes(LANGUAGE)) return answer(req, res, found, 200, sameAgain(fields, found))
    if (fields.one('use') !== '' && found.question.ask.username) {
      // A suggestion only fills the field in: whoever presses it has not reached the boxes below yet.
      return answer(req, res, found, 200, tryOf(keep(fields, askedOf(found.situation, found.question))))
    }
    const reading = readAnswers(fields, found, req.path === house.settings().prompts[found.question.page])
    if (reading.kind === 'again') return askAgain(req, res, found, reading.tried)
    if (reading.kind === 'choice') {
      await saveChoice(house, found, choiceFrom(house, found.situation, reading.choice))
      return res.redirect(303, ways.ended(found.flow.id))
    }
    const user = await newUserOf(house, found, reading.answers, clientOf(req))
    const outcome = await provision(house, found.flow, found.situation, user)
    if (outcome.kind === 'username-taken') {
      const { name } = reading.answers.name
      const tried = tryOf({ ...reading.kept, username: fieldOf(name, found.situation.places) })
      tried.problems.username = takenProblem(name)
      // Decided again, so that signup.do asks for a name now.
      const again = await find(res)
      if (!again) return
      // A name that nobody chose is another now: to be read, and nothing about it is to be mended.
      const isChanged = { ...tryOf(reading.kept), isChanged: true }
      return askAgain(req, res, again, again.question.ask.username ? tried : isChanged)
    }
    // Somebody finished this sign-in for the same person elsewhere: settling finds them and signs them in.
    if (outcome.kind === 'already-there') await settle(house, found.flow)
    res.redirect(303, ways.ended(found.flow.id))
  }

  /** Keeps what somebody answered elsewhere. A name that was taken meanwhile: the question again, as it is now. */
  async function finish(res: Response, found: Found, returned: Returned): Promise<void> {
    if (returned.kind === 'choice') {
      const { ticks, typed } = returned
      await saveChoice(house, found, choiceFrom(house, found.situation, { ticks: new Set(ticks), typed }))
      return res.redirect(303, ways.ended(found.flow.id))
    }
    const outcome = await provision(house, found.flow, found.situation, returned.user)
    if (outcome.kind === 'username-taken') {
      await noteProblems(house.db, found.flow.id, ['USERNAME_TAKEN'])
      return res.redirect(303, addressOf(found))
    }
    if (outcome.kind === 'already-there') await settle(house, found.flow)
    res.redirect(303, ways.ended(found.flow.id))
  }

  /** Tells whether a name is free, as the form would. An oracle by nature, so it answers a live flow alone, and not often. */
  async function tellStatus(req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    if (!flow.ending && flow.isExpired) throw await expiredError(house, flow, ways.again)
    if (flow.ending || !hasProfile(flow)) throw new PageError(404, 'notfound')
    const name = readFields(req.body).one('username')
    const wait = await nameChecks(flow.id, clientOf(req))
    // Resuming leads to the page that asks, whichever it is.
    if (wait !== undefined) throw tooManyError(wait, ways.ended(flow.id))
    const status = await nameStatusOf(house, flow, name)
    if (!status) throw new PageError(404, 'notfound')
    res.set('Cache-Control', 'no-store').json(status)
  }

  /** Keeps the page open: flow, cookie and door live as long from now as they did from the beginning. */
  async function stay(req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    if (!flow.ending && flow.isExpired) throw await expiredError(house, flow, ways.again)
    const openUntil = await stayOpen(house, req, res, flow)
    if (!openUntil) throw new PageError(409, 'stay')
    if (!(await ways.stay(req, res, flow))) throw await expiredError(house, flow, ways.again)
    res.set('Cache-Control', 'no-store').json({ openUntil: openUntil.toISOString() })
  }

  /** Decides again; answers the request itself when there is nothing (more) to ask on this page. */
  async function find(res: Response, typed?: string): Promise<Found | undefined> {
    const flow = flowOf(res)
    if (flow.ending) {
      res.redirect(303, ways.ended(flow.id))
      return undefined
    }
    if (flow.isExpired) throw await expiredError(house, flow, ways.again)
    if (!hasProfile(flow)) {
      res.redirect(303, ways.again(flow.id))
      return undefined
    }
    const inside = ways.inside(flow)
    if (inside) {
      res.redirect(303, inside)
      return undefined
    }
    const asked = await settle(house, flow, typed)
    if (!asked || 'instead' in asked) {
      res.redirect(303, asked?.instead ?? ways.ended(flow.id))
      return undefined
    }
    return { flow, ...asked }
  }

  /** The page again, with what is wrong; the page of somebody who has to wait, which says nothing of it, after too many of those. */
  async function askAgain(req: Request, res: Response, found: Found, tried: Try): Promise<void> {
    const wait = await wrongAnswers(found.flow.id, clientOf(req))
    if (wait !== undefined) throw tooManyError(wait, addressOf(found))
    await answer(req, res, found, 422, { ...tried, isReturned: true })
  }

  async function answer(req: Request, res: Response, found: Found, status: number, tried: Try): Promise<void> {
    const { flow, question, situation } = found
    const context: PageContext = {
      action: house.settings().prompts[question.page],
      csrf: csrfToken(req),
      sessionDataKey: flow.id,
      switchHref: switchAddress(found, ways.again),
      openUntil: flow.expiresAt,
      mayPutOff: mayPutOff(situation.facts, flow),
      memory: memoryOf(house.keyring, situation),
      stay: STAY,
      status: STATUS,
      connectHref: connectAddress(flow.id),
    }
    house.views.send(res, question.page, await pageOf(house, found, context, tried), status)
  }

  function addressOf({ flow, question }: Found): string {
    return `${house.settings().prompts[question.page]}?sessionDataKey=${flow.id}`
  }
}

function flowOf(res: Response): BrowserFlow {
  return res.locals['flow'] as BrowserFlow
}

function isOpen(flow: Flow): boolean {
  return !flow.ending && !flow.isExpired
}

function hasProfile(flow: Flow): flow is Arrived {
  return flow.profile !== undefined
}
