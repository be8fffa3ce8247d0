// Somebody at a prompt: arrived there by the idp, with the form as the page has it, filled.
import { readPage } from '../support/html-page.ts'
import { PASSWORD } from '../support/people.ts'
import { somebodyNew } from './people.ts'
import type { Contender, Stage } from './stage.ts'
import { type Answer, openVisitor, type Visitor } from './visitor.ts'

export interface Prompt {
  visitor: Visitor
  /** The address of the page. */
  page: string
  /** Sends the form; throws when that does not end the flow. */
  answer(): Promise<Answer>
  /** Asks for the page again. */
  reload(headers?: Record<string, string>): Promise<Answer>
}

export async function openPrompt({ idp }: Stage, product: Contender): Promise<Prompt> {
  const visitor = openVisitor(idp.origin, somebodyNew())
  const { status, url, body } = await visitor.follow(await visitor.get(product.start))
  const form = readPage(body.toString()).forms.find(({ method }) => method === 'POST')
  if (status !== 200 || !url.pathname.endsWith('.do') || !form) throw new Error(`no prompt: ${url.pathname} ${status}`)
  const fields = new URLSearchParams()
  const names = new Set<string>()
  for (const { kind, name, value } of form.controls) {
    if (kind !== 'field' || names.has(name)) continue
    names.add(name)
    fields.set(name, name === 'password' ? PASSWORD : value)
  }
  fields.set('consent', 'recover:email')
  fields.set('do', 'create')
  return {
    visitor,
    page: url.href,
    async answer() {
      const answer = await visitor.post(new URL(form.action, url).href, fields)
      if (answer.status === 303 && answer.headers.location?.includes('/commonauth')) return answer
      throw new Error(`a prompt was answered ${answer.status}: ${answer.body.toString().slice(0, 300)}`)
    },
    async reload(headers) {
      const answer = await visitor.get(url.href, headers)
      if (answer.status !== 200) throw new Error(`a prompt is gone: ${answer.status}`)
      return answer
    },
  }
}
