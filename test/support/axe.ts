// What axe finds wrong with a page as it stands in Chromium.
import axe from 'axe-core'
import type { Page } from 'playwright-core'

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** One line per finding: the rule, the element. Throws when axe has not looked at anything, so that no finding is not taken for none. */
export async function faultsOf(page: Page): Promise<string[]> {
  // The source runs as the debugger's, which the content security policy does not bind.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source)
  const { violations, passes } = await page.evaluate<axe.AxeResults>(
    `axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(TAGS)} }, resultTypes: ['violations'] })`,
  )
  if (passes.length < 5) throw new Error(`axe has looked at ${passes.length} things only on ${page.url()}`)
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}
