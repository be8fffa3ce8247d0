// Identity Providers, Test sign-in: an operator signs in for real, and is shown what would become of it. Law: no user, consent or record comes of it.
import { randomBytes } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Idp } from '../db/idps.ts'
import { insertTest } from '../db/test-sign-ins.ts'
import type { Oidc } from '../login/oidc.ts'
import { rehearse } from '../login/rehearse.ts'
import { TEST_STATE } from '../login/ways.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { printClaims } from './claims.ts'
import type { Desk } from './desk.ts'
import { idpAddress } from './idp-addresses.ts'
import { sendInert } from './inert.ts'
import { attempt, checksOf, keyOf, openResult, RESULT_MINUTES, type Result, testAddress } from './test-result.ts'
import { trialPage, withIdp } from './trial.ts'
import { verdictOf } from './verdict.ts'

/** How long somebody may be away. */
const AWAY_MINUTES = 10

export function testSignInPages(desk: Desk, oidc: Oidc): Route[] {
  const { house } = desk
  const path = '/identity-providers/:name/test-sign-in'
  return [
    { method: 'get', path, roles: OWNER, handler: withIdp(desk, (req, res, idp) => answer(req, res, idp)) },
    { method: 'post', path, roles: OWNER, handler: withIdp(desk, leave) },
    { method: 'get', path: `${path}/:test`, roles: OWNER, handler: withIdp(desk, showResult) },
    { method: 'get', path: `${path}/:test/page`, roles: OWNER, handler: withIdp(desk, showPage) },
  ]

  function answer(req: Request, res: Response, idp: Idp, failed?: Result & { kind: 'failed' }): void {
    const page = { ...trialPage(idp, 'Test sign-in'), action: idpAddress(idp.name, '/test-sign-in'), failed }
    desk.show(req, res, 'test-sign-in', page, failed ? 502 : 200)
  }

  /** Off by a page, for a form's redirect must not leave the house (CSP form-action). */
  async function leave(req: Request, res: Response, idp: Idp): Promise<void> {
    const state = `${TEST_STATE}${randomBytes(24).toString('base64url')}`
    const otherAccount = readFields(req.body).one('do') === 'other'
    const left = await attempt(house, idp, () => oidc.leave(idp, checksOf(req.sessionID, state), { otherAccount }))
    if ('failed' in left) return answer(req, res, idp, left.failed)
    const expiresAt = new Date(house.now().getTime() + AWAY_MINUTES * 60_000)
    await insertTest(house.db, keyOf(req.sessionID, state), idp.id, expiresAt)
    const { href } = left.done
    desk.show(req, res, 'test-sign-in-leave', { ...trialPage(idp, `On to ${idp.displayName}`), href, refresh: href })
  }

  async function showResult(req: Request, res: Response, idp: Idp): Promise<void> {
    const result = await openResult(house, req, idp)
    if (typeof result === 'string') return notThere(req, res, idp, result)
    const rehearsed = result.kind === 'claims' ? await rehearse(house, idp, result.claims) : undefined
    const here = testAddress(idp, String(req.params['test']))
    desk.show(req, res, 'test-sign-in-result', {
      ...trialPage(idp, 'Result of the test sign-in'),
      action: idpAddress(idp.name, '/test-sign-in'),
      minutes: RESULT_MINUTES,
      failed: result.kind === 'failed' ? result : undefined,
      fault: rehearsed?.kind === 'fault' ? rehearsed.sentence : undefined,
      verdict: rehearsed?.kind === 'rehearsed' ? await verdictOf(house, idp, rehearsed) : undefined,
      pageHref: `${here}/page`,
      claims: result.kind === 'claims' ? printClaims(result.claims) : undefined,
    })
  }

  async function showPage(req: Request, res: Response, idp: Idp): Promise<void> {
    const result = await openResult(house, req, idp)
    if (typeof result === 'string') return notThere(req, res, idp, result)
    const rehearsed = result.kind === 'claims' ? await rehearse(house, idp, result.claims) : undefined
    if (rehearsed?.kind === 'rehearsed' && rehearsed.page) return sendInert(res, house.views, rehearsed.page)
    const back = { label: 'Go to the result', href: testAddress(idp, String(req.params['test'])) }
    desk.stop(req, res, 404, 'There is no such page', 'As things are now, no page would ask this person.', back)
  }

  function notThere(req: Request, res: Response, idp: Idp, why: 'gone' | 'awaited'): void {
    if (why === 'awaited') {
      const body = `${idp.displayName} is being asked for what it says of you.`
      const back = { label: 'Look again', href: testAddress(idp, String(req.params['test'])) }
      return desk.stop(req, res, 409, 'The result is not here yet', body, back)
    }
    const body = `A result is shown for ${RESULT_MINUTES} minutes, in the session that the test began in, and then forgotten.`
    const back = { label: 'Test again', href: idpAddress(idp.name, '/test-sign-in') }
    desk.stop(req, res, 404, 'This test is over', body, back)
  }
}
