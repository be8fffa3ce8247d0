// What a page elsewhere asks: it brings the key that the browser came with, and gets the question and a token to answer with.
import type { Flow } from '../flow.ts'
import { type BroughtKey, flowOfKey, giveKey, lookAtKey, spendKey } from '../flow-keys.ts'
import type { House } from '../house.ts'
import { type Found, limitsOf, nameStatusOf, pageOf, switchAddress } from '../provisioning/answers.ts'
import { tooManyError } from '../provisioning/limits.ts'
import { firstView, type Try } from '../provisioning/page.ts'
import { type Arrived, mayPutOff, settle } from '../provisioning/settle.ts'
import { questionOf } from './question.ts'
import { type Answer, type Call, type Resource, resource } from './resource.ts'
import { NameRequest, type Question, QuestionRequest } from './shapes.ts'
import { type ApiWays, absolute, endedAnswer, goneAnswer, pageAddress, unknownAnswer, waitAnswer } from './ways.ts'

export function questionResources(house: House, ways: ApiWays): Resource[] {
  const { nameChecks } = limitsOf(house)
  return [
    resource({
      path: '/questions',
      scope: 'internal_flow_answer',
      shape: QuestionRequest,
      async post(call) {
        const opened = await openBy(house, ways, call, await lookAtKey(house, 'page', call.body.key))
        if (!('flow' in opened)) return opened
        const { flow, key } = opened
        if (!(await spendKey(house, key))) return goneAnswer(house, flow)
        const asked = await settle(house, flow)
        // Our own page asks that first; the way back leads to it.
        if (asked && 'instead' in asked) return endedAnswer(house, ways, flow)
        const token = asked && (await giveKey(house, flow.id, 'token', key.content, call.application.id))
        if (!asked || token === undefined) return endedAnswer(house, ways, flow)
        const first = firstView(asked.situation, asked.question)
        const question = await questionFor(house, ways, { flow, ...asked }, first)
        return { status: 200, body: { token, question } }
      },
    }),
    resource({
      path: '/username-status',
      scope: 'internal_flow_answer',
      shape: NameRequest,
      async post(call) {
        const opened = await openByToken(house, ways, call)
        if (!('flow' in opened)) return opened
        const { flow } = opened
        // Whoever stands behind the page's server, a flow is one person: the address would be the same for all of them.
        const wait = await nameChecks(flow.id, flow.id)
        if (wait !== undefined) return waitAnswer(house, tooManyError(wait, pageAddress(house, flow)))
        const status = await nameStatusOf(house, flow, call.body.username)
        if (status) return { status: 200, body: status }
        // Nobody is asked for a name, or for anything any more: then the page has to send its browser on.
        const asked = await settle(house, flow, call.body.username)
        return asked && !('instead' in asked) ? unknownAnswer(house) : endedAnswer(house, ways, flow)
      },
    }),
  ]
}

/** The question with a try, as a page elsewhere gets it. */
export async function questionFor(house: House, ways: ApiWays, found: Found, tried: Try): Promise<Question> {
  const { flow, question } = found
  const context = {
    // What only our own form needs.
    ...{ action: '', csrf: '', sessionDataKey: '', memory: '', stay: '', status: '' },
    switchHref: absolute(house, switchAddress(found, ways.again)),
    openUntil: flow.expiresAt,
    mayPutOff: mayPutOff(found.situation.facts, flow),
  }
  const page = await pageOf(house, found, context, tried)
  return questionOf(page, question.page, flow.language, (message) => house.views.t(message, flow.language))
}

export interface Opened {
  flow: Arrived
  key: BroughtKey & { content: string }
}

/** The open flow of a token that was given to this application, or what there is to say. */
export async function openByToken(
  house: House,
  ways: ApiWays,
  call: Call<{ token: string }>,
): Promise<Opened | Answer> {
  const key = await lookAtKey(house, 'token', call.body.token)
  return openBy(house, ways, call, key?.applicationId === call.application.id ? key : undefined)
}

async function openBy(
  house: House,
  ways: ApiWays,
  { req }: Call<unknown>,
  key: BroughtKey | undefined,
): Promise<Opened | Answer> {
  const flow = key && (await flowOfKey(house, req, key))
  if (!flow) return unknownAnswer(house)
  if (flow.ending) return endedAnswer(house, ways, flow)
  if (flow.isExpired || !isOpened(key) || !hasProfile(flow)) return goneAnswer(house, flow)
  return { flow, key }
}

function isOpened(key: BroughtKey): key is BroughtKey & { content: string } {
  return key.content !== undefined
}

function hasProfile(flow: Flow): flow is Arrived {
  return flow.profile !== undefined
}
