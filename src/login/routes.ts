// Who are you? login.do, the way to an idp, and the way back. Handlers read: find, decide, read, do, redirect.
import { randomBytes } from 'node:crypto'
import { type Request, type Response, Router } from 'express'
import type { Application } from '../db/applications.ts'
import { findApplication } from '../db/applications.ts'
import { departFlow, takeCallback } from '../db/flows.ts'
import { findIdpByName, type Idp, listIdps } from '../db/idps.ts'
import { type Flow, findFlow, findFlowByState, rememberProfile, startFlow } from '../flow.ts'
import type { House } from '../house.ts'
import { endWithoutUser, signInLocally } from '../provisioning/provision.ts'
import { settle } from '../provisioning/settle.ts'
import { sha256 } from '../seal.ts'
import { csrfToken, flowToken, sameOrigin } from '../web/csrf.ts'
import { methodNotAllowed, PageError } from '../web/errors.ts'
import { formBody, oneParameter, readFields } from '../web/forms.ts'
import type { Action, Message } from '../web/page.ts'
import { createLocalSignIn } from './local.ts'
import { createOidc, IdpFailure } from './oidc.ts'
import { ProfileFault, toProfile } from './profile.ts'

export const LOGIN = '/authenticationendpoint/login.do'

/** Where the rest of the house is: each room is reached by an address or by what app hands over. */
export interface LoginWays {
  /** Ends at the door that the flow came in by; returns the address there. */
  leaveBy: (req: Request, res: Response, flow: Flow) => Promise<string | undefined>
  /** Where an ended flow is answered with a page. */
  ended: (flowId: string) => string
  /** Whether the door still waits for an answer, so that a flow can start again. */
  doorIsOpen: (flow: Flow) => Promise<boolean>
}

/** The address that starts a flow again with the same door: at the named idp, or at the choice of them. */
export function loginAgain(flowId: string, idpName?: string, options?: { otherAccount: boolean }): string {
  const query = new URLSearchParams({ sessionDataKey: flowId })
  if (idpName !== undefined) query.set('idp', idpName)
  if (options?.otherAccount) query.set('prompt', 'select_account')
  return `${LOGIN}?${query}`
}

export function loginRoutes(house: House, ways: LoginWays): Router {
  const oidc = createOidc(house)
  const local = createLocalSignIn(house)
  const router = Router()
  router.get(LOGIN, findOpenFlow, flowToken(secretOf), showLogin)
  router.post(LOGIN, sameOrigin(house.publicUrl), formBody, findOpenFlow, flowToken(secretOf), submitLogin)
  router.all(LOGIN, methodNotAllowed('GET', 'HEAD', 'POST'))
  router.get('/commonauth/:idp', finishLogin)
  router.all('/commonauth/:idp', methodNotAllowed('GET', 'HEAD'))
  return router

  /** This browser's flow, still to be decided. One that is over, or has come back already, starts again with the same door. */
  async function findOpenFlow(req: Request, res: Response, next: (error?: unknown) => void): Promise<void> {
    const isPost = req.method === 'POST'
    const key = isPost ? readFields(req.body).one('sessionDataKey') : oneParameter(req.query['sessionDataKey'])
    const flow = await findFlow(house, req, key)
    if (!flow) throw new PageError(404, 'notfound')
    if (flow.ending && isPost) return res.redirect(303, ways.ended(flow.id))
    if (flow.ending || flow.isExpired || flow.calledBackAt) {
      if (!(await ways.doorIsOpen(flow))) {
        if (flow.ending) return res.redirect(303, ways.ended(flow.id))
        throw new PageError(410, 'expired', { values: { n: house.flowMinutes } })
      }
      const id = await startFlow(house, req, res, flow.door)
      const query = new URLSearchParams(isPost ? '' : req.originalUrl.split('?')[1])
      query.set('sessionDataKey', id)
      return res.redirect(303, `${LOGIN}?${query}`)
    }
    res.locals['flow'] = flow
    next()
  }

  async function showLogin(req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    const application = await applicationOf(flow)
    const idps = await listIdps(house.db, application.identityProviders)
    const chosen = oneParameter(req.query['idp'])
    if (chosen !== undefined) {
      const idp = idps.find((candidate) => candidate.name === chosen)
      if (!idp) throw new PageError(404, 'missing')
      return goTo(idp, req, res)
    }
    const [only] = idps
    // One alone: nothing to choose, unless the person came back for another way in.
    if (only && idps.length === 1 && req.query['choose'] === undefined) return goTo(only, req, res)
    await answerLogin(req, res, 200, '')
  }

  async function submitLogin(req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    const fields = readFields(req.body)
    const typed = fields.one('username')
    const outcome = await local.check(typed, fields.one('password'), req.ip ?? '')
    switch (outcome.kind) {
      case 'known':
        await signInLocally(house, flow, outcome.userId)
        return res.redirect(303, ways.ended(flow.id))
      case 'wrong':
        return answerLogin(req, res, 422, typed, { key: 'SIGNIN_FAILED' })
      case 'too-many':
        res.setHeader('Retry-After', String(outcome.minutes * 60))
        return answerLogin(req, res, 429, typed, { key: 'TOO_MANY', values: { n: outcome.minutes } })
      default:
        return outcome satisfies never
    }
  }

  async function answerLogin(req: Request, res: Response, status: number, username: string, problem?: Message) {
    const flow = flowOf(res)
    const application = await applicationOf(flow)
    const idps = await listIdps(house.db, application.identityProviders)
    house.views.send(
      res,
      'login',
      {
        application: application.name,
        idps: idps.map((idp) => ({ displayName: idp.displayName, href: loginAgain(flow.id, idp.name) })),
        local: {
          action: LOGIN,
          csrf: csrfToken(req),
          sessionDataKey: flow.id,
          username,
          problems: problem ? [{ field: 'username', message: problem }] : [],
        },
      },
      status,
    )
  }

  /** Leaves for an idp. State is new for each departure; nonce and PKCE verifier follow from it and the flow cookie. */
  async function goTo(idp: Idp, req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    const state = randomBytes(24).toString('base64url')
    if (!(await departFlow(house.db, flow.id, idp.id, sha256(state), house.now()))) throw new PageError(404, 'notfound')
    try {
      const otherAccount = req.query['prompt'] === 'select_account'
      res.redirect(303, (await oidc.leave(idp, checksOf(flow, state), { otherAccount })).href)
    } catch (error) {
      throw failedAt(idp, flow, error)
    }
  }

  /** The callback. The flow's cookie is asked for before anything is used up, and the code is exchanged once. */
  async function finishLogin(req: Request, res: Response): Promise<void> {
    const query = req.originalUrl.split('?')[1] ?? ''
    const state = oneParameter(req.query['state'])
    if (state === undefined || state.length > 100 || Array.isArray(req.query['code']))
      throw new PageError(400, 'bad-request')
    const flow = await findFlowByState(house, req, state)
    const idp = await findIdpByName(house.db, String(req.params['idp']))
    // A callback at another idp's address is a mix-up (RFC 9700, 4.4): no token request.
    if (!flow || !idp || flow.idpId !== idp.id) throw new PageError(400, 'bad-callback')
    if (flow.ending) return res.redirect(303, ways.ended(flow.id))
    if (!(await takeCallback(house.db, flow.id, sha256(state), house.now()))) {
      if (flow.isExpired) return res.redirect(303, loginAgain(flow.id, idp.name))
      // The same callback once more, while the first is being answered or after it asked: go where the flow is.
      return res.redirect(303, flow.profile ? await pageOf(flow) : ways.ended(flow.id))
    }
    if (!idp.isEnabled) return refuse(flow, 'IDP_OFF', res)
    try {
      const claims = await oidc.comeBack(idp, query, checksOf(flow, state))
      flow.profile = toProfile(claims, idp)
    } catch (error) {
      const failure = failedAt(idp, flow, error)
      // The code is spent: this flow is over, and its door hears so when the person presses Return.
      if (failure instanceof PageError) failure.actions.push(...(await endedBy(req, res, flow, 'IDP_FAILED')))
      throw failure
    }
    await rememberProfile(house, flow, idp.id, flow.profile)
    const next = await settleFlow(flow)
    res.redirect(303, next ?? (await goOn(req, res, flow)))
  }

  /** Settles; returns the address of the page that asks, if one has to. */
  async function settleFlow(flow: Flow): Promise<string | undefined> {
    if (!flow.profile) return undefined
    const asked = await settle(house, { ...flow, profile: flow.profile })
    return asked ? `${house.prompts[asked.question.page]}?sessionDataKey=${flow.id}` : undefined
  }

  async function pageOf(flow: Flow): Promise<string> {
    return (await settleFlow(flow)) ?? ways.ended(flow.id)
  }

  /** Straight to the door when the person is signed in; a refusal is a page first. */
  async function goOn(req: Request, res: Response, flow: Flow): Promise<string> {
    const ended = await findFlow(house, req, flow.id)
    const isSignedIn = ended?.ending?.kind === 'signed-in' || ended?.ending?.kind === 'federated'
    return (isSignedIn && (await ways.leaveBy(req, res, ended))) || ways.ended(flow.id)
  }

  async function refuse(flow: Flow, code: string, res: Response): Promise<void> {
    await endWithoutUser(house, flow, { kind: 'refused', code })
    res.redirect(303, ways.ended(flow.id))
  }

  /** Ends the flow as refused; returns the way back to the application. */
  async function endedBy(req: Request, res: Response, flow: Flow, code: string): Promise<Action[]> {
    await endWithoutUser(house, flow, { kind: 'refused', code })
    const ended = await findFlow(house, req, flow.id)
    const href = ended && (await ways.leaveBy(req, res, ended))
    if (!href) return []
    const { name } = await applicationOf(flow)
    return [{ label: { key: 'action.return', values: { app: name } }, href }]
  }

  /** The page for an idp that did not do its part; any other error comes back as it is. */
  function failedAt(idp: Idp, flow: Flow, error: unknown): unknown {
    const isProfile = error instanceof ProfileFault
    if (!isProfile && !(error instanceof IdpFailure)) return error
    const code = isProfile ? 'PROFILE_FAULT' : error.code
    house.log.warn({ err: error, idp: idp.name, code, flow: flow.id.slice(0, 6) }, 'idp did not complete the sign-in')
    return new PageError(502, 'idp', {
      values: { idp: idp.displayName },
      actions: [
        { label: { key: 'action.retry' }, href: loginAgain(flow.id, idp.name) },
        { label: { key: 'action.other' }, href: `${loginAgain(flow.id)}&choose=1` },
      ],
    })
  }

  async function applicationOf(flow: Flow): Promise<Application> {
    const application = await findApplication(house.db, flow.door.applicationId)
    if (!application?.isEnabled) throw new PageError(404, 'notfound')
    return application
  }
}

function checksOf(flow: Flow, state: string) {
  return { state, nonce: flow.nonce(state), codeVerifier: flow.codeVerifier(state) }
}

function flowOf(res: Response): Flow {
  return res.locals['flow'] as Flow
}

function secretOf(req: Request): string {
  return flowOf(req.res as Response).csrfSecret
}
