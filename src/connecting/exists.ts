// You may already have an account: it is mine, a separate one, or stop.
import type { Request, Response } from 'express'
import { noteProblems } from '../db/flows.ts'
import { noteOffer, setApart } from '../db/proofs.ts'
import { limitsOf } from '../provisioning/answers.ts'
import { tooManyError } from '../provisioning/limits.ts'
import { CONNECT, connectAddress, offerAddress } from '../provisioning/offer.ts'
import { endWithoutUser } from '../provisioning/provision.ts'
import { clientOf } from '../web/client.ts'
import { readFields } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import { type Desk, flowOf } from './desk.ts'
import { existsPage } from './pages.ts'
import { type Standing, settledAt } from './standing.ts'

const CHOOSE = { key: 'EXISTS_CHOOSE' }

export function existsHandlers({ house, ways, find, contextOf, takeWords }: Desk) {
  const { wrongAnswers } = limitsOf(house)
  return { show, answer }

  async function show(req: Request, res: Response): Promise<void> {
    const standing = await find(res)
    if (standing?.decision.kind === 'offer') return send(req, res, standing)
    // Somebody who came from the page of their mode goes back to it.
    if (standing) res.redirect(303, await settledAt(house, standing.flow, ways.ended))
  }

  async function answer(req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    const fields = readFields(req.body)
    const said = fields.one('answer')
    const isForWords = takeWords(res, fields)
    if (said === 'stop' && !isForWords) {
      // Before anything is decided: a mode changed meanwhile must not make a user of somebody who says no.
      await endWithoutUser(house, flow, { kind: 'declined' })
      return res.redirect(303, ways.ended(flow.id))
    }
    const standing = await find(res)
    if (!standing) return
    if (isForWords) return send(req, res, standing, { said })
    if (said === 'connect') return res.redirect(303, connectAddress(flow.id))
    if (said === 'separate') {
      await setApart(house.db, flow.id, house.now())
      return res.redirect(303, await settledAt(house, { ...flow, isApart: true }, ways.ended))
    }
    const wait = await wrongAnswers(flow.id, clientOf(req))
    if (wait !== undefined) throw tooManyError(wait, offerAddress(flow.id))
    await noteProblems(house.db, flow.id, [CHOOSE.key])
    await send(req, res, standing, { problem: CHOOSE })
  }

  async function send(
    req: Request,
    res: Response,
    standing: Standing,
    { said, problem }: { said?: string; problem?: Message } = {},
  ): Promise<void> {
    const { flow, situation, decision } = standing
    await noteOffer(house.db, flow.id, { facts: situation.facts, decision })
    house.views.send(
      res,
      'exists',
      existsPage(standing, contextOf(req, standing, CONNECT), said, problem),
      problem ? 422 : 200,
    )
  }
}
