// The one door out: where an ended flow is answered, whatever page or form it ended on.
import { type Request, type Response, Router } from 'express'
import { findApplication, homeOf, MY_ACCOUNT_HOME } from '../db/applications.ts'
import type { Ending } from '../db/flow-endings.ts'
import { findIdp } from '../db/idps.ts'
import { readOrganization } from '../db/installation.ts'
import { factorAddress } from '../factors/addresses.ts'
import { type Flow, findFlow } from '../flow.ts'
import { expiredError, notFoundError } from '../flow-pages.ts'
import type { House } from '../house.ts'
import { SIGN_IN_OLD } from '../provisioning/told.ts'
import { methodNotAllowed, PageError, statePage } from '../web/errors.ts'
import { oneParameter } from '../web/forms.ts'
import type { Action } from '../web/page.ts'
import type { WayOut } from './doors.ts'

const RESUME = '/commonauth'

/** How long a sign-in may be on its way between callback and ending before the person is told to start again. */
const ON_ITS_WAY_MS = 15_000

export function endedAddress(flowId: string): string {
  return `${RESUME}?sessionDataKey=${flowId}`
}

/** The address that leads on to the door of an ended flow. */
export function leaveAddress(flowId: string): string {
  return `${endedAddress(flowId)}&continue=1`
}

export interface HandbackWays {
  again: (flowId: string, idpName?: string) => string
  /** Where a flow goes on that only proves something; undefined for every other flow. */
  inside: (flow: Flow) => string | undefined
}

export function handbackRoutes(house: House, door: WayOut, ways: HandbackWays): Router {
  const router = Router()
  router.get(RESUME, resume)
  router.all(RESUME, methodNotAllowed('GET', 'HEAD'))
  return router

  async function resume(req: Request, res: Response): Promise<void> {
    // A callback has its own address; beside a flow id it is an attempt to mix the two.
    if (req.query['state'] !== undefined || req.query['code'] !== undefined) throw new PageError(400, 'bad-request')
    const flow = await findFlow(house, req, oneParameter(req.query['sessionDataKey']))
    if (!flow) throw await notFoundError(house, req)
    if (!flow.ending) return await goBack(flow, res)
    if (req.query['continue'] !== undefined) {
      // Only here, because looking at a page must change nothing, and an impatient second press must find a page.
      const way = await door.leaveBy(req, res, flow)
      if (way) return res.redirect(303, way)
    }
    // What it was for is said by the one that it proved something to.
    if (flow.door.kind === 'connecting' && flow.ending.kind !== 'refused')
      return res.redirect(303, leaveAddress(flow.id))
    const href = (await door.isOpen(flow)) ? leaveAddress(flow.id) : undefined
    if (flow.ending.kind === 'signed-in' || flow.ending.kind === 'federated') return continueTo(flow, href, res)
    if (flow.ending.kind === 'proved' || flow.ending.kind === 'connected') return res.redirect(303, MY_ACCOUNT_HOME)
    return explain(flow, flow.ending, href, res)
  }

  /** Not over yet: to the page where it is, which decides again. */
  async function goBack(flow: Flow, res: Response): Promise<void> {
    if (flow.isExpired) throw await expiredError(house, flow, ways.again)
    const inside = flow.profile && ways.inside(flow)
    if (inside) return res.redirect(303, inside)
    if (flow.provedUserId !== undefined && !flow.profile) return res.redirect(303, factorAddress(flow.id))
    if (flow.profile) return res.redirect(303, `${house.settings().prompts.signup}?sessionDataKey=${flow.id}`)
    const since = flow.calledBackAt ? house.now().getTime() - flow.calledBackAt.getTime() : undefined
    if (since === undefined || since > ON_ITS_WAY_MS) return res.redirect(303, ways.again(flow.id))
    res.setHeader('Refresh', '1')
    house.views.send(res, 'message', statePage('working', {}, []), 200)
  }

  async function continueTo(flow: Flow, href: string | undefined, res: Response): Promise<void> {
    const application = await findApplication(house.db, flow.door.applicationId)
    const name = application?.name ?? ''
    if (href) return house.views.send(res, 'continue', { application: name, href }, 200)
    const home = application && homeOf(application)
    const actions: Action[] = home ? [{ label: { key: 'action.continue', values: { app: name } }, href: home }] : []
    house.views.send(res, 'message', statePage('finished', {}, actions), 200)
  }

  async function explain(
    flow: Flow,
    ending: Extract<Ending, { kind: 'declined' | 'refused' }>,
    href: string | undefined,
    res: Response,
  ): Promise<void> {
    const [application, idp, organization] = await Promise.all([
      findApplication(house.db, flow.door.applicationId),
      flow.idpId ? findIdp(house.db, flow.idpId) : undefined,
      readOrganization(house.db),
    ])
    const values = { app: application?.name ?? '', idp: idp?.displayName ?? '', org: organization.name }
    const actions: Action[] = []
    if (href) actions.push({ label: { key: 'action.return', values }, href })
    // Whoever was refused by a rule would only be refused again; whoever did not agree can think again.
    const mayTryAgain = ending.kind === 'declined' || ['IDP_FAILED', 'CONSENT_DUE', SIGN_IN_OLD].includes(ending.code)
    // Only whoever verified the person elsewhere can begin again there.
    const canBegin = href !== undefined && flow.door.kind !== 'flow-api'
    if (canBegin && mayTryAgain && idp?.isEnabled)
      actions.push({ label: { key: 'action.again', values }, href: ways.again(flow.id, idp.name) })
    if (canBegin) actions.push({ label: { key: 'action.other' }, href: `${ways.again(flow.id)}&choose=1` })
    const state = ending.kind === 'declined' ? stateOfNo(flow, ending) : ending.code
    house.views.send(res, 'message', statePage(state, values, actions), ending.kind === 'declined' ? 200 : 409)
  }
}

/** What is so after a no: to an account, or at the second factor of one that was there before, or is since this sign-in. */
function stateOfNo({ madeUserId }: Flow, { at }: Extract<Ending, { kind: 'declined' }>): string {
  if (at === undefined) return 'declined'
  return madeUserId === undefined ? 'left' : 'left-new'
}
