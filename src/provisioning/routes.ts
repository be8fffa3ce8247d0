// register.do and signup.do: the one page that asks. Handlers read: find, decide, read, do, redirect.
import { type Request, type Response, Router } from 'express'
import { findIdp } from '../db/idps.ts'
import { takenUsernames } from '../db/users.ts'
import { type Flow, findFlow } from '../flow.ts'
import type { House } from '../house.ts'
import { csrfToken, flowToken, sameOrigin } from '../web/csrf.ts'
import { methodNotAllowed, PageError } from '../web/errors.ts'
import { formBody, oneParameter, readFields } from '../web/forms.ts'
import { grant } from './consent.ts'
import type { Situation } from './facts.ts'
import { askedOf, keep, readForm } from './form.ts'
import type { PageContext, Try } from './page.ts'
import { firstView, promptPage, takenProblem, tryOf } from './page.ts'
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
    const asked = await find(res)
    if (!asked) return
    const { flow, question, situation } = asked
    const fields = readFields(req.body)
    if (fields.one('do') === 'decline') {
      await endWithoutUser(house, flow, { kind: 'declined' })
      return res.redirect(303, ways.ended(flow.id))
    }
    const form = askedOf(situation, question)
    if (fields.one('notice') !== situation.notice.hash || req.path !== house.prompts[question.page]) {
      return answer(req, res, asked, 422, { ...tryOf(keep(fields, form)), isChanged: true })
    }
    if (form.ask.username && !fields.names.includes('username')) {
      // The shown name was taken while the page was open: now it is asked for.
      const { problems } = firstView(situation, question)
      return answer(req, res, asked, 422, { ...tryOf(keep(fields, form)), problems })
    }
    const reading = readForm(fields, form)
    if (reading.kind === 'problems') {
      const { problems, kept, canonical } = reading
      const isTaken = canonical && (await takenUsernames(house.db, situation.idp.userstore, [canonical])).size > 0
      if (isTaken) problems.username = takenProblem(kept.username)
      return answer(req, res, asked, 422, { problems, kept, suggestions: [] })
    }
    const { answers, kept } = reading
    const { attributes, records } = grant(form.items, answers.ticks, situation.profile, answers.typed, situation.idp.id)
    const outcome = await provision(house, flow, situation.idp, situation.profile, {
      username: answers.username,
      canonical: answers.canonical,
      passwordHash: answers.password === undefined ? null : await house.passwords.hash(answers.password),
      attributes,
      consent: { notice: situation.notice, records },
    })
    if (outcome.kind === 'username-taken') {
      const tried = tryOf({ ...kept, username: answers.username })
      tried.problems.username = takenProblem(answers.username)
      // Decided again, so that signup.do asks for a name now.
      const again = await find(res)
      return again && answer(req, res, again, 422, tried)
    }
    // Somebody finished this sign-in for the same person elsewhere: settling finds them and signs them in.
    if (outcome.kind === 'already-there') await settle(house, flow)
    res.redirect(303, ways.ended(flow.id))
  }

  /** Decides again; answers the request itself when there is nothing (more) to ask on this page. */
  async function find(res: Response): Promise<Found | undefined> {
    const flow = flowOf(res)
    if (flow.ending) {
      res.redirect(303, ways.ended(flow.id))
      return undefined
    }
    if (flow.isExpired || !hasProfile(flow)) {
      const idp = flow.idpId ? await findIdp(house.db, flow.idpId) : undefined
      if (!flow.isExpired) {
        res.redirect(303, ways.again(flow.id, idp?.name))
        return undefined
      }
      throw new PageError(410, 'expired', {
        values: { n: house.flowMinutes },
        actions: idp
          ? [{ label: { key: 'action.again', values: { idp: idp.displayName } }, href: ways.again(flow.id, idp.name) }]
          : [],
      })
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

interface Found {
  flow: Flow & { profile: NonNullable<Flow['profile']> }
  question: Question
  situation: Situation
}

function flowOf(res: Response): Flow {
  return res.locals['flow'] as Flow
}

function hasProfile(flow: Flow): flow is Found['flow'] {
  return flow.profile !== undefined
}
