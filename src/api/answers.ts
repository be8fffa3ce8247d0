// What a person answered on a page elsewhere: the rules, statuses and codes of our own page, by its own functions.
import type { House } from '../house.ts'
import { type Found, limitsOf, readAnswers } from '../provisioning/answers.ts'
import { askedOf, keep, typedName } from '../provisioning/form.ts'
import { tooManyError } from '../provisioning/limits.ts'
import { tryOf } from '../provisioning/page.ts'
import { keepAnswers } from '../provisioning/returned.ts'
import { sayNo, settle } from '../provisioning/settle.ts'
import { PageError } from '../web/errors.ts'
import { type Fields, readFields } from '../web/forms.ts'
import { problem } from '../web/problems.ts'
import { problemsIn } from './question.ts'
import { openByToken, questionFor } from './questions.ts'
import { type Resource, resource } from './resource.ts'
import { AnswerRequest } from './shapes.ts'
import { type ApiWays, absolute, endedAnswer, pageAddress, waitAnswer } from './ways.ts'

export function answerResources(house: House, ways: ApiWays): Resource[] {
  const { wrongAnswers } = limitsOf(house)
  return [
    resource({
      path: '/answers',
      scope: 'internal_flow_answer',
      shape: AnswerRequest,
      async post(call) {
        const opened = await openByToken(house, ways, call)
        if (!('flow' in opened)) return opened
        const { flow } = opened
        const fields = fieldsOf(call.body)
        if (call.body.do === 'decline') {
          const again = await sayNo(house, flow)
          if (!again) return endedAnswer(house, ways, flow)
          const kept = keep(fields, askedOf(again.situation, again.question))
          const question = await questionFor(
            house,
            ways,
            { flow, ...again },
            { ...tryOf(kept), isChanged: true, isReturned: true },
          )
          return { problem: { ...problem(422, 'CHANGED'), problems: problemsIn(question), question } }
        }
        const asked = await settle(house, flow, typedName(fields))
        if (!asked || 'instead' in asked) return endedAnswer(house, ways, flow)
        const found = { flow, ...asked }
        const reading = readAnswers(asAsked(fields, found), asked, call.body.page === asked.question.page)
        if (reading.kind === 'again') {
          const wait = await wrongAnswers(flow.id, flow.id)
          if (wait !== undefined) return waitAnswer(house, tooManyError(wait, pageAddress(house, flow)))
          const question = await questionFor(house, ways, found, { ...reading.tried, isReturned: true })
          const code = question.changed?.code ?? 'ANSWERS_WRONG'
          return { problem: { ...problem(422, code), problems: problemsIn(question), question } }
        }
        const answer = await keepAnswers(house, found, reading, flow.id)
        if (answer === undefined) return endedAnswer(house, ways, flow)
        const query = new URLSearchParams({ sessionDataKey: flow.id, answer })
        return {
          status: 200,
          body: { returnTo: absolute(house, `${house.settings().prompts[asked.question.page]}?${query}`) },
        }
      },
    }),
  ]
}

const FIELD = /^(notice|username|password|consent|attribute\..+)$/

/** The form that these members are. Throws the page of a bad request for an attribute that is no text. */
function fieldsOf(body: object): Fields {
  const form = Object.entries(body).filter(([name]) => FIELD.test(name))
  const isText = ([name, value]: [string, unknown]) => name === 'consent' || typeof value === 'string'
  if (!form.every(isText)) throw new PageError(400, 'bad-request')
  return readFields(Object.fromEntries(form))
}

/**
 * The same with a password exactly where one is asked for. Our own form has its field or has it not, and that tells a question that changed; other pages
 * may send an empty one always, or leave it out. Where the last question did differ, what was sent stays: somebody may think that they set one.
 */
function asAsked(fields: Fields, { flow, question }: Found): Fields {
  const last = flow.noted?.decision
  if (last?.kind === 'ask' && last.ask.password !== question.ask.password) return fields
  const others = fields.names.filter((name) => name !== 'password')
  return { ...fields, names: question.ask.password ? [...others, 'password'] : others }
}
