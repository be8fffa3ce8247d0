// The flow API, version 1: its addresses, and what is the same at each of them. docs/flow-api.md is its contract.
import { type Request, type Response, Router } from 'express'
import type { House } from '../house.ts'
import { methodNotAllowed, notFound, PageError } from '../web/errors.ts'
import { jsonBody } from '../web/json.ts'
import { sendProblem } from '../web/problems.ts'
import { answerResources } from './answers.ts'
import { type FindBearer, requireScope } from './bearer.ts'
import { enter } from './enter.ts'
import { ENTER, flowResources } from './flows.ts'
import { outcomeResources } from './outcomes.ts'
import { questionResources } from './questions.ts'
import type { Resource } from './resource.ts'
import type { ApiWays } from './ways.ts'

const FLOW_API = '/api/flow/v1'

/** Where an application begins a flow. */
export const API_FLOWS = `${FLOW_API}/flows`

export function apiRoutes(house: House, findBearer: FindBearer, ways: ApiWays): Router {
  const router = Router()
  for (const one of resourcesOf(house, ways)) {
    router.post(FLOW_API + one.path, requireScope(house, findBearer, one.scope), jsonBody, serve(one))
    router.all(FLOW_API + one.path, methodNotAllowed('POST'))
  }
  router.all('/api{/*rest}', notFound)
  // Looking must not use the key up: Express would answer HEAD as GET.
  router.head(ENTER, methodNotAllowed('GET'))
  router.get(ENTER, enter(house, ways))
  router.all(ENTER, methodNotAllowed('GET'))
  return router
}

/** Every resource there is. */
export function resourcesOf(house: House, ways: ApiWays): Resource[] {
  return [
    ...questionResources(house, ways),
    ...answerResources(house, ways),
    ...flowResources(house),
    ...outcomeResources(house),
  ]
}

function serve({ shape, post }: Resource) {
  return async (req: Request, res: Response): Promise<void> => {
    const body = shape.safeParse(req.body)
    if (!body.success) throw new PageError(400, 'bad-request')
    const answer = await post({ req, application: res.locals['application'], body: body.data })
    if (!('problem' in answer)) {
      res.status(answer.status).set('Cache-Control', 'no-store').json(answer.body)
      return
    }
    if (answer.retryAfterSeconds !== undefined) res.setHeader('Retry-After', String(answer.retryAfterSeconds))
    sendProblem(res, answer.problem)
  }
}
