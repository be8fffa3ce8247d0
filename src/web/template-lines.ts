// Where a template that does not compile goes wrong: EJS does not say.
import { Script } from 'node:vm'
import ejs from 'ejs'

/** The line of a template's first mistake, or undefined if it compiles. */
export function lineOfMistake(text: string): number | undefined {
  const unclosed = unclosedTag(text)
  if (unclosed !== undefined) return unclosed
  const { source, head } = generated(text)
  try {
    new Script(`${head}${source}\n})`, { filename: 'template' })
    return undefined
  } catch (error) {
    const [, line] = /^template:(\d+)/.exec(error instanceof Error ? (error.stack ?? '') : '') ?? []
    // What stands before the mistake in the generated code says at which line of the template it was made.
    const before = `${head}${source}`.split('\n').slice(0, Number(line ?? 1))
    return Number([...before.join('\n').matchAll(/__line = (\d+)/g)].at(-1)?.[1] ?? 1)
  }
}

function generated(text: string): { source: string; head: string } {
  const template = new ejs.Template(text, { filename: 'template' }) as unknown as {
    generateSource(): void
    source: string
  }
  template.generateSource()
  return { source: template.source, head: '(function (locals, escapeFn, include, rethrow) {\n' }
}

function unclosedTag(text: string): number | undefined {
  let open: number | undefined
  for (const { 0: tag, index } of text.matchAll(/<%%|%%>|<%|%>/g)) {
    if (tag === '<%' && open !== undefined) return lineAt(text, open)
    if (tag === '<%') open = index
    if (tag === '%>') open = undefined
  }
  return open === undefined ? undefined : lineAt(text, open)
}

/** The number of the line in which a place of a text is. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
