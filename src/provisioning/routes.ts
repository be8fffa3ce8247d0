// register.do and signup.do: the one page that asks. Handlers read: find, decide, read, do, redirect.
import { type Request, type Response, Router } from 'express'
import { noteAsked } from '../db/flows.ts'
import { takenUsernames } from '../db/users.ts'
import { expiredError, type Flow, findFlow } from '../flow.ts'
import type { House } from '../house.ts'
import { csrfToken, flowToken, sameOrigin } from '../web/csrf.ts'
import { methodNotAllowed, PageError } from '../web/errors.ts'
import { type Fields, formBody, oneParameter, readFields } from '../web/forms.ts'
import { grant, itemsOf } from './consent.ts'
import type { Situation } from './facts.ts'
import type { Answers, Kept } from './form.ts'
import { askedOf, keep, readForm } from './form.ts'
import type { PageContext, Try } from './page.ts'
import { firstView, promptPage, takenProblem, tryOf } from './page.ts'
import type { Outcome } from './provision.ts'
import { endWithoutUser, provision } from './provision.ts'
import type { Question } from './settle.ts'
import { settle } from './settle.ts'
import { freeNames } from './suggestions.ts'

/** What the rest of the house answers for these pages: where a flow goes when there is nothing to ask. */
export interface Ways {
  /** Where an ended flow is answered. */
  ended: (flowId: string) => string
  /** Where a flow starts again, with the same door and idp. */
  again: (flowId: string, idpName?: string, options?: { otherAccount: boolean }) => string
}

export function promptRoutes(house: House, ways: Ways): Router {
  const router = Router()
  const { register, signup } = house.prompts
  // HEAD is Express's: a GET without a body.
  router.get(register, requireFlow, flowToken(secretOf), show)
  router.post(register, sameOrigin(house.publicUrl), formBody, requireFlow, flowToken(secretOf), submit)
  router.all(register, methodNotAllowed('GET', 'HEAD', 'POST'))
  router.get(signup, requireFlow, flowToken(secretOf), show)
  router.post(signup, sameOrigin(house.publicUrl), formBody, requireFlow, flowToken(secretOf), submit)
  router.all(signup, methodNotAllowed('GET', 'HEAD', 'POST'))
  return router

  async function requireFlow(req: Request, res: Response, next: (error?: unknown) => void): Promise<void> {
    const key =
      req.method === 'POST' ? readFields(req.body).one('sessionDataKey') : oneParameter(req.query['sessionDataKey'])
    const flow = await findFlow(house, req, key)
    if (!flow) throw new PageError(404, 'notfound')
    res.locals['flow'] = flow
    next()
  }

  function secretOf(req: Request): string {
    return flowOf(req.res as Response).csrfSecret
  }

  async function show(req: Request, res: Response): Promise<void> {
    const asked = await find(res)
    if (!asked) return
    const path = house.prompts[asked.question.page]
    // The scheme decides which page asks.
    if (req.path !== path) return res.redirect(303, `${path}?sessionDataKey=${asked.flow.id}`)
    await answer(req, res, asked, 200, firstView(asked.situation, asked.question))
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    if (fields.one('do') === 'decline' && isOpen(flowOf(res))) {
      // Before anything is decided: a mode changed meanwhile must not make a user of somebody who says no.
      await endWithoutUser(house, flowOf(res), { kind: 'declined' })
      return res.redirect(303, ways.ended(flowOf(res).id))
    }
    const found = await find(res)
    if (!found) return
    if (fields.one('use') !== '' && found.question.ask.username) {
      // A suggestion only fills the field in: whoever presses it has not reached the boxes below yet.
      return answer(req, res, found, 200, tryOf(keep(fields, askedOf(found.situation, found.question))))
    }
    const reading = await read(fields, found, req.path)
    if (reading.kind === 'again') return answer(req, res, found, 422, reading.tried)
    const outcome = await create(found, reading.answers)
    if (outcome.kind === 'username-taken') {
      const { username } = reading.answers
      const tried = tryOf({ ...reading.kept, username })
      tried.problems.username = takenProblem(username)
      // Decided again, so that signup.do asks for a name now.
      const again = await find(res)
      return again && answer(req, res, again, 422, tried)
    }
    // Somebody finished this sign-in for the same person elsewhere: settling finds them and signs them in.
    if (outcome.kind === 'already-there') await settle(house, found.flow)
    res.redirect(303, ways.ended(found.flow.id))
  }

  /** The answers, or the try to show again: because the question is not the one that was answered, or something is wrong with it. */
  async function read(fields: Fields, { question, situation }: Found, path: string): Promise<Read> {
    const form = askedOf(situation, question)
    const isSameQuestion =
      fields.one('notice') === situation.notice.hash &&
      path === house.prompts[question.page] &&
      question.ask.password === fields.names.includes('password')
    if (!isSameQuestion) return { kind: 'again', tried: { ...tryOf(keep(fields, form)), isChanged: true } }
    if (question.page === 'signup' && question.ask.username && !fields.names.includes('username')) {
      // The shown name was taken while the page was open: now it is asked for, and the ticks stay.
      const first = firstView(situation, question)
      const { ticks, typed } = keep(fields, form)
      return { kind: 'again', tried: { ...first, kept: { ...first.kept, ticks, typed } } }
    }
    const reading = readForm(fields, form)
    if (reading.kind === 'answers') return reading
    const { problems, kept, canonical } = reading
    const isTaken = canonical && (await takenUsernames(house.db, situation.idp.userstore, [canonical])).size > 0
    if (isTaken) problems.username = takenProblem(kept.username)
    return { kind: 'again', tried: { problems, kept, suggestions: [] } }
  }

  async function create({ flow, situation }: Found, answers: Answers): Promise<Outcome> {
    const { idp, profile, purposes, notice } = situation
    const { attributes, records } = grant(itemsOf(purposes, profile), answers.ticks, profile, answers.typed, idp.id)
    return provision(house, flow, idp, profile, {
      username: answers.username,
      canonical: answers.canonical,
      passwordHash: answers.password === undefined ? null : await house.passwords.hash(answers.password),
      attributes,
      consent: { notice, records },
    })
  }

  /** Decides again; answers the request itself when there is nothing (more) to ask on this page. */
  async function find(res: Response): Promise<Found | undefined> {
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
    const asked = await settle(house, flow)
    if (!asked) {
      res.redirect(303, ways.ended(flow.id))
      return undefined
    }
    return { flow, ...asked }
  }

  async function answer(req: Request, res: Response, found: Found, status: number, tried: Try): Promise<void> {
    const { flow, question, situation } = found
    if (!flow.wasAsked) await noteAsked(house.db, flow.id, house.now())
    const context: PageContext = {
      action: house.prompts[question.page],
      csrf: csrfToken(req),
      sessionDataKey: flow.id,
      switchHref: ways.again(flow.id, situation.idp.name, { otherAccount: true }),
      openUntil: flow.expiresAt,
    }
    const { username } = tried.problems
    const suggestions = username ? await freeNames(house.db, situation, tried.kept.username) : []
    house.views.send(res, question.page, promptPage(situation, question, context, { ...tried, suggestions }), status)
  }
}

type Read = { kind: 'answers'; answers: Answers; kept: Kept } | { kind: 'again'; tried: Try }

interface Found {
  flow: Flow & { profile: NonNullable<Flow['profile']> }
  question: Question
  situation: Situation
}

function flowOf(res: Response): Flow {
  return res.locals['flow'] as Flow
}

function isOpen(flow: Flow): boolean {
  return !flow.ending && !flow.isExpired
}

function hasProfile(flow: Flow): flow is Found['flow'] {
  return flow.profile !== undefined
}
