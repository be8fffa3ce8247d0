// The way back from an identity provider, at an address of its own. Handlers read: find, decide, read, do, redirect.
import { type NextFunction, type Request, type Response, Router } from 'express'
import { idpIn } from '../db/configured.ts'
import { type Flow, findFlow, findFlowByState, rememberProfile, takeCallback } from '../flow.ts'
import type { House } from '../house.ts'
import { type Because, endWithoutUser } from '../provisioning/provision.ts'
import { settle } from '../provisioning/settle.ts'
import { SIGN_IN_OLD } from '../provisioning/told.ts'
import { methodNotAllowed, PageError } from '../web/errors.ts'
import { oneParameter, queryOf } from '../web/forms.ts'
import type { Action } from '../web/page.ts'
import { checksOf, type Failure, failureOf } from './failure.ts'
import type { Oidc } from './oidc.ts'
import { toProfile } from './profile.ts'
import { isAsNewAsAsked } from './signed-in-now.ts'
import { applicationOf, type LoginWays, loginAgain, TEST_STATE } from './ways.ts'

/** A state of ours has 32 characters; nothing longer is worth a look into the database. */
const LONGEST_STATE = 100

export function callbackRoutes(house: House, oidc: Oidc, ways: LoginWays): Router {
  const router = Router()
  router.get('/commonauth/:idp', handTestsOver, finishLogin)
  router.all('/commonauth/:idp', methodNotAllowed('GET', 'HEAD'))
  return router

  /** Operators try an idp at the address that is registered there for everybody. */
  function handTestsOver(req: Request, res: Response, next: NextFunction): void {
    if (oneParameter(req.query['state'])?.startsWith(TEST_STATE)) ways.takeTest(req, res, next)
    else next()
  }

  /**
   * The callback. The flow's cookie is asked for before anything is used up, and the code is exchanged once. What its address says is an idp's
   * word, or anybody's: no page repeats it.
   */
  async function finishLogin(req: Request, res: Response): Promise<void> {
    const query = queryOf(req.originalUrl)
    const state = oneParameter(req.query['state'])
    if (state === undefined || state.length > LONGEST_STATE || isAmbiguous(query))
      throw new PageError(400, 'bad-request', { here: req.path })
    const idpName = String(req.params['idp'])
    const flow = await takeCallback(house, req, { state, idpName })
    const idp = flow && idpIn(flow.configured, flow.idpId)
    if (!flow || !idp) return res.redirect(303, await whereItIs(req, state, idpName))
    if (!idp.isEnabled) return refuse(flow, res, 'IDP_OFF')
    try {
      const claims = await oidc.comeBack(idp, query, checksOf(flow, state))
      flow.profile = toProfile(claims, idp)
    } catch (error) {
      const failure = failureOf(house, idp, flow, error)
      if (!failure) throw error
      // The code is spent: this flow is over, and its door hears so when the person presses Return.
      failure.page.actions.push(...(await endedBy(flow, failure)))
      failure.page.here = ways.ended(flow.id)
      throw failure.page
    }
    const { profile } = flow
    if (!(await isAsNewAsAsked(house, flow, idp.id, profile)))
      return refuse(flow, res, SIGN_IN_OLD, { failure: { code: 'IDP_SIGN_IN_OLD', isDenial: false } })
    const keep = () => rememberProfile(house, flow, idp.id, profile)
    const inside = ways.inside(flow)
    if (inside) {
      await keep()
      return res.redirect(303, inside)
    }
    const next = await settleFlow(flow, keep)
    res.redirect(303, next ?? (await goOn(req, res, flow)))
  }

  /**
   * Where a callback leads that there was nothing to take of: the flow is over, or this is the same callback once more, while the first is being
   * answered or after it asked.
   */
  async function whereItIs(req: Request, state: string, idpName: string): Promise<string> {
    const flow = await findFlowByState(house, req, state)
    const idp = flow && idpIn(flow.configured, flow.idpId)
    // A callback at another idp's address is a mix-up (RFC 9700, 4.4): no token request.
    if (!flow || idp?.name !== idpName) throw new PageError(400, 'bad-callback', { here: `${req.path}?state=none` })
    if (flow.ending) return ways.ended(flow.id)
    if (flow.isExpired && !flow.calledBackAt) return loginAgain(flow.id, idpName)
    return flow.profile ? (ways.inside(flow) ?? (await pageOf(flow))) : ways.ended(flow.id)
  }

  /** Settles; returns the address of the page that asks, if one has to. */
  async function settleFlow(flow: Flow, keep?: () => Promise<void>): Promise<string | undefined> {
    if (!flow.profile) return undefined
    const asked = await settle(house, Object.assign(flow, { profile: flow.profile }), '', keep)
    if (asked && 'instead' in asked) return asked.instead
    return asked ? `${house.settings().prompts[asked.question.page]}?sessionDataKey=${flow.id}` : undefined
  }

  async function pageOf(flow: Flow): Promise<string> {
    return (await settleFlow(flow)) ?? ways.ended(flow.id)
  }

  /** Straight to the door when the person is signed in; a refusal is a page first. */
  async function goOn(req: Request, res: Response, flow: Flow): Promise<string> {
    // Whoever is signed in was looked at as the flow ended; of all others that is read again.
    const ended = flow.ending ? flow : await findFlow(house, req, flow.id)
    const isSignedIn = ended?.ending?.kind === 'signed-in' || ended?.ending?.kind === 'federated'
    return (isSignedIn && (await ways.leaveBy(req, res, ended))) || ways.ended(flow.id)
  }

  async function refuse(flow: Flow, res: Response, code: string, because?: Because): Promise<void> {
    await endWithoutUser(house, flow, { kind: 'refused', code }, because)
    res.redirect(303, ways.ended(flow.id))
  }

  /** Ends the flow whose idp failed; returns the way back to the application. */
  async function endedBy(flow: Flow, failure: Failure): Promise<Action[]> {
    await endWithoutUser(house, flow, { kind: 'refused', code: 'IDP_FAILED' }, { failure })
    const { name } = applicationOf(flow)
    return [{ label: { key: 'action.return', values: { app: name } }, href: ways.leave(flow.id) }]
  }
}

/** Says something twice, or that it went well and that it did not: no idp does, and nobody should choose (RFC 6749, 3.1). */
function isAmbiguous(query: string): boolean {
  const parameters = new URLSearchParams(query)
  const isRepeated = ['code', 'error', 'iss', 'state'].some((name) => parameters.getAll(name).length > 1)
  return isRepeated || (parameters.has('code') && parameters.has('error'))
}
