// Where a browser goes on from a page elsewhere, and what is answered when there is nothing (more) to ask.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { findFlowRow } from '../db/flows.ts'
import { findIdp } from '../db/idps.ts'
import { readOrganization } from '../db/installation.ts'
import type { Flow } from '../flow.ts'
import type { House } from '../house.ts'
import type { Again } from '../provisioning/answers.ts'
import { PageError } from '../web/errors.ts'
import { problemOf } from '../web/problems.ts'
import type { Answer } from './resource.ts'

export interface ApiWays {
  /** Where an ended flow is answered. */
  ended: (flowId: string) => string
  /** Where a flow starts again, with the same door and idp. */
  again: Again
  /** Where an ended flow leaves by its door. */
  leaveBy: (req: IncomingMessage, res: ServerResponse, flow: Flow) => Promise<string | undefined>
}

/** An address of ours as others write it. */
export function absolute(house: House, path: string): string {
  return new URL(path, house.publicUrl).href
}

/** Our own address of a flow's page: the browser is sent on from there, or told what became of it. */
export function pageAddress(house: House, flow: Flow): string {
  return absolute(house, `${house.settings().prompts.signup}?sessionDataKey=${flow.id}`)
}

/** Nothing (more) to ask: where the browser goes on; 409 with the reason when the person was refused, as on our page. */
export async function endedAnswer(house: House, ways: ApiWays, flow: Flow): Promise<Answer> {
  const returnTo = absolute(house, ways.ended(flow.id))
  const ending = (await findFlowRow(house.db, flow.id))?.ending
  if (ending?.kind !== 'refused') return { status: 200, body: { returnTo } }
  const idp = flow.idpId ? await findIdp(house.db, flow.idpId) : undefined
  const { name: org } = await readOrganization(house.db)
  const page = new PageError(409, ending.code, { values: { idp: idp?.displayName ?? '', org } })
  return { problem: { ...problemOf(house.views, page), returnTo } }
}

/** Nothing was given out under that key or token, or not to this application. */
export function unknownAnswer(house: House): Answer {
  return { problem: problemOf(house.views, new PageError(404, 'notfound')) }
}

/** It was given out, and is worth nothing any more: the browser can fetch another one, or hears that the time is up. */
export function goneAnswer(house: House, flow: Flow): Answer {
  const page = new PageError(410, 'expired', { values: { n: house.flowMinutes } })
  const problem = problemOf(house.views, page)
  const spent = { ...problem, code: 'KEY_SPENT', detail: 'A key is used once, and within a minute' }
  return { problem: { ...(flow.isExpired ? problem : spent), returnTo: pageAddress(house, flow) } }
}

/** Somebody has to wait. */
export function waitAnswer(house: House, error: PageError): Answer {
  return { problem: problemOf(house.views, error), retryAfterSeconds: error.retryAfterSeconds ?? 60 }
}
