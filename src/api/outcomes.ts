// How a flow ended, for the application that began it, once.
import { wipeProfile } from '../db/flow-endings.ts'
import { findFlowRow } from '../db/flows.ts'
import { type Ended, refuseLate } from '../db/late.ts'
import { lookAtKey, spendKey } from '../flow-keys.ts'
import type { House } from '../house.ts'
import { toldFor } from '../provisioning/told.ts'
import { problem } from '../web/problems.ts'
import { type Resource, resource } from './resource.ts'
import { OutcomeRequest } from './shapes.ts'
import { unknownAnswer } from './ways.ts'

export function outcomeResources(house: House): Resource[] {
  return [
    resource({
      path: '/outcomes',
      scope: 'internal_flow_create',
      shape: OutcomeRequest,
      async post({ application, body }) {
        const brought = await lookAtKey(house, 'outcome', body.key)
        if (!brought || brought.applicationId !== application.id) return unknownAnswer(house)
        if (brought.content === undefined || !(await spendKey(house, brought)))
          return { problem: problem(410, 'KEY_SPENT', 'A key is used once, and within a minute') }
        const outcome: { sub?: string } = JSON.parse(brought.content)
        // The browser was on its way with the key: whoever was locked meanwhile is not told to be signed in.
        const refusal = await lateRefusal(house, brought.flowId, outcome.sub)
        if (refusal) return { status: 200, body: refusal }
        // Of a federated ending the door still had it: the subject was made of it.
        await wipeProfile(house.db, brought.flowId)
        return { status: 200, body: outcome }
      },
    }),
  ]
}

async function lateRefusal(house: House, flowId: string, sub: string | undefined) {
  const row = await findFlowRow(house.db, flowId)
  if (!row?.application_id) return undefined
  const flow: Ended = {
    id: flowId,
    door: { applicationId: row.application_id },
    idpId: row.idp_id ?? undefined,
    ending: row.ending ?? undefined,
    endedAt: row.closed_at ?? undefined,
    federatedSubject: sub,
    configured: await house.configured.at(row.configured),
    ...(row.standing ? { standing: row.standing } : {}),
  }
  const tell = (reason: string) => toldFor(reason, house.settings())
  const code = await refuseLate(house.db, flow, { now: house.now(), tell })
  return code === undefined ? undefined : { outcome: 'refused', code }
}
