// Says of a sign-in that has no record yet how far it has come, for whoever has its page open. Pure.
import type { OpenFlow } from '../db/open-flows.ts'
import { when } from './desk.ts'

/** What is known of it, in two sentences without a value of the person. */
export function explainOpen(flow: OpenFlow, now: Date): string {
  if (flow.expiresAt <= now) return 'The time of this sign-in is up. Its record comes within a quarter of an hour.'
  const where = flow.idp === null ? '' : `with ${flow.idp}, `
  const since = `since ${when(flow.createdAt)}`
  return `This sign-in is still going on: ${where}${since}; ${stateOf(flow)}. Its record comes when it ends.`
}

function stateOf({ stage, isFromElsewhere, failure }: OpenFlow): string {
  switch (stage) {
    case 'choosing':
      return 'it is at the page of ways to sign in'
    case 'away':
      return failure === null ? 'nobody has come back yet' : `nobody could be sent there (${failure})`
    case 'returned':
      return isFromElsewhere ? 'nobody has come here with it yet' : 'somebody has come back and was asked nothing yet'
    case 'second-factor':
      return 'it is at the page of the second factor'
    case 'asked':
      return 'it is at the page that asks'
    default:
      return stage satisfies never
  }
}
