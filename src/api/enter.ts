// Where the browser comes in by the door of the flow API: the first that brings the key gets the flow, and its cookie.
import type { Request, Response } from 'express'
import { findFlowRow } from '../db/flows.ts'
import { adoptFlow, type Flow, findFlow, flowFrom } from '../flow.ts'
import { lookAtKey, type PageContent } from '../flow-keys.ts'
import { notFoundError } from '../flow-pages.ts'
import type { House } from '../house.ts'
import { type Arrived, settle } from '../provisioning/settle.ts'
import { oneParameter } from '../web/forms.ts'
import type { ApiWays } from './ways.ts'

export function enter(house: House, ways: ApiWays) {
  return async (req: Request, res: Response): Promise<void> => {
    const brought = await lookAtKey(house, 'entry', oneParameter(req.query['key']))
    if (!brought) throw await notFoundError(house, req)
    // The same browser once more: go where the flow is.
    if (await findFlow(house, req, brought.flowId)) return res.redirect(303, ways.ended(brought.flowId))
    const { profile }: Partial<PageContent> = brought.content === undefined ? {} : JSON.parse(brought.content)
    const flow = profile && (await adoptFlow(house, req, res, { ...brought, profile }))
    if (!flow) throw await notFoundError(house, req)
    const asked = await settle(house, { ...flow, profile })
    if (asked && 'instead' in asked) return res.redirect(303, asked.instead)
    if (asked) return res.redirect(303, `${house.settings().prompts[asked.question.page]}?sessionDataKey=${flow.id}`)
    res.redirect(303, await goOn(req, res, { ...flow, profile }))
  }

  /** Straight back to where they came from when they are signed in; a refusal is a page first. */
  async function goOn(req: Request, res: Response, { id, profile, language }: Arrived): Promise<string> {
    const row = await findFlowRow(house.db, id)
    const ended: Flow | undefined = row && (await flowFrom(house, req, row, { profile, language }))
    const isSignedIn = ended?.ending?.kind === 'signed-in' || ended?.ending?.kind === 'federated'
    return (isSignedIn && (await ways.leaveBy(req, res, ended))) || ways.ended(id)
  }
}
