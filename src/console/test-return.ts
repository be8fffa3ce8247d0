// The way back from a test sign-in, at the address that everybody comes back to. Whoever cannot finish the test uses nothing up.
import type { Request, Response } from 'express'
import { insertChange, TESTED } from '../db/changes.ts'
import { findIdp, type Idp } from '../db/idps.ts'
import { findTest, type TestKey, takeTest } from '../db/test-sign-ins.ts'
import type { Oidc } from '../login/oidc.ts'
import { oneParameter, queryOf } from '../web/forms.ts'
import { actorOf, type Desk } from './desk.ts'
import { IDPS } from './idp-addresses.ts'
import { attempt, checksOf, keyOf, type Result, sealResult, testAddress } from './test-result.ts'

/** Answers an owner of this console whose browser comes back from an idp with the state of a test. */
export function testReturn(desk: Desk, oidc: Oidc): (req: Request, res: Response) => Promise<void> {
  const { house } = desk

  return async (req, res) => {
    const state = oneParameter(req.query['state']) ?? ''
    const key = keyOf(req.sessionID, state)
    const test = await findTest(house.db, key, house.now())
    const idp = test && (await findIdp(house.db, test.idpId))
    if (!idp) return lost(req, res)
    // A callback at another idp's address is a mix-up (RFC 9700, 4.4): no token request.
    if (idp.name !== req.params['idp']) return mixedUp(req, res)
    if (await takeTest(house.db, key, house.now())) await finish(req, res, { idp, key, state })
    // The same callback once more shows what came of the first.
    res.redirect(303, testAddress(idp, key.stateHash))
  }

  async function finish(req: Request, res: Response, test: { idp: Idp; key: TestKey; state: string }): Promise<void> {
    const { idp, key, state } = test
    const checks = checksOf(req.sessionID, state)
    const came = await attempt(house, idp, () => oidc.comeBack(idp, queryOf(req.originalUrl), checks))
    const result: Result = 'failed' in came ? came.failed : { kind: 'claims', claims: came.done }
    await sealResult(house, req.sessionID, key, result)
    if (result.kind === 'claims')
      await insertChange(house.db, actorOf(req, res), { action: TESTED, kind: 'idp', object: idp.name })
  }

  function lost(req: Request, res: Response): void {
    const body =
      'It began in another browser or another session, or too long ago, or never. Nothing was asked of the identity provider.'
    desk.stop(req, res, 404, 'There is no such test sign-in', body, { label: 'Go to identity providers', href: IDPS })
  }

  function mixedUp(req: Request, res: Response): void {
    const body =
      'The test went to another identity provider than the one whose address it came back to. Nothing was asked of either.'
    desk.stop(req, res, 400, 'The answer came to the wrong address', body, {
      label: 'Go to identity providers',
      href: IDPS,
    })
  }
}
