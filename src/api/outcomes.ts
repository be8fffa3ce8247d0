// How a flow ended, for the application that began it, once.
import { wipeProfile } from '../db/flows.ts'
import { lookAtKey, spendKey } from '../flow-keys.ts'
import type { House } from '../house.ts'
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
        // Of a federated ending the door still had it: the subject was made of it.
        await wipeProfile(house.db, brought.flowId)
        return { status: 200, body: JSON.parse(brought.content) }
      },
    }),
  ]
}
