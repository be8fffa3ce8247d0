// The last page: both accounts by name, the details to replace, and then one transaction.
import type { Request, Response } from 'express'
import type { Connected } from '../db/connect-person.ts'
import { findProof, meansOf } from '../db/proofs.ts'
import { connectAddress, FINISH } from '../provisioning/offer.ts'
import { signedInAs } from '../provisioning/provision.ts'
import { isFactorDue } from '../provisioning/second-factor.ts'
import { readFields } from '../web/forms.ts'
import { connectIdentity, readDifferences } from './connect.ts'
import { type Desk, flowOf } from './desk.ts'
import { differencesPage } from './pages.ts'
import { isProof } from './proof.ts'
import type { signInHandlers } from './sign-in.ts'
import { factorBefore, type Proven, proofIn, settledAt } from './standing.ts'

/** The proof does not count (any more): the person signs in once more. */
const AGAIN = { problem: { key: 'LINK_AGAIN' } }

export function finishHandlers(desk: Desk, signInAgain: ReturnType<typeof signInHandlers>['send']) {
  const { house, ways, find, contextOf, takeWords } = desk
  return { show, submit }

  async function show(req: Request, res: Response): Promise<void> {
    const proof = await proofIn(house, flowOf(res))
    const standing = await find(res)
    if (!standing) return
    if (!proof) return res.redirect(303, connectAddress(standing.flow.id))
    const proven = { ...standing, ...proof }
    const factor = await factorBefore(house, proven)
    if (factor) return res.redirect(303, factor)
    await send(req, res, proven, {})
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const isForWords = takeWords(res, fields)
    // Before it is decided: whoever pressed twice has used the proof up, and is known by then.
    const proof = await proofIn(house, flowOf(res))
    const standing = await find(res)
    if (!standing) return
    if (!proof) return signInAgain(req, res, standing, AGAIN)
    const proven = { ...standing, ...proof }
    const factor = await factorBefore(house, proven)
    if (factor) return res.redirect(303, factor)
    const ticked = new Set(fields.all('replace'))
    if (isForWords) return send(req, res, proven, { ticked })
    const { flow } = proven
    const outcome = await connect(proven, ticked, fields.one('notice'))
    switch (outcome) {
      case 'changed':
        return send(req, res, proven, { ticked, isChanged: true })
      case 'unproven':
        return signInAgain(req, res, standing, AGAIN)
      case 'connected':
      case 'over':
        return res.redirect(303, ways.ended(flow.id))
      case 'theirs':
      case 'taken':
      case 'locked':
      case 'off':
        // Somebody finished for the same person elsewhere, or nobody comes by this idp any more: settling finds their user, or says so.
        return res.redirect(303, await settledAt(house, flow, ways.ended))
      default:
        return outcome satisfies never
    }
  }

  function connect(
    { flow, situation, decision, proof: { userId } }: Proven,
    ticked: ReadonlySet<string>,
    notice: string,
  ): Promise<Connected> {
    const { idp, application, facts, profile } = situation
    return connectIdentity(house, flow, situation, {
      userId,
      ticked,
      notice,
      at: { channel: 'sign-in', flowId: flow.id, idp, application },
      ending: signedInAs(userId, idp, profile),
      verdict: { facts, decision },
      // The proof is held, and used up with the flow.
      async proves(db) {
        const [proof, means] = [await findProof(db, flow.id, true), await meansOf(db, userId)]
        const isTheirs = proof?.userId === userId && !!means && isProof(house.keyring, flow, proof, means, house.now())
        return isTheirs && !(await isFactorDue(house, db, userId, flow.id))
      },
    })
  }

  async function send(
    req: Request,
    res: Response,
    proven: Proven,
    tried: { ticked?: ReadonlySet<string>; isChanged?: boolean },
  ): Promise<void> {
    const differences = await readDifferences(house, proven.situation, proven.proof.userId)
    const page = differencesPage(proven, differences, contextOf(req, proven, FINISH), tried)
    house.views.send(res, 'differences', page, tried.isChanged ? 422 : 200)
  }
}
