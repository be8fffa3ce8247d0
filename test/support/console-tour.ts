// A walk through the console in Chromium, from link to link, until every page has been seen once: nobody has to list them.
import type { Page } from 'playwright-core'
import type { Route } from '../../src/console/access.ts'
import { OPERATOR_PASSWORD } from './console.ts'
import type { Product } from './product.ts'

/** Signs an operator in, in Chromium. */
export async function enterConsole(page: Page, product: Product, username: string): Promise<void> {
  await page.goto(`${product.url}/console/sign-in`)
  await page.fill('#username', username)
  await page.fill('#password', OPERATOR_PASSWORD)
  await page.click('main button')
  await page.waitForURL(`${product.url}/console`)
}

/**
 * Follows every link of the console from its first page; of pages of one kind (one route) as many are looked at as `perRoute` says. Returns the paths of
 * the routes that were seen.
 */
export async function tour(
  page: Page,
  product: Product,
  routes: readonly Route[],
  look: (path: string) => Promise<void>,
  perRoute: (route: string) => number = () => 1,
): Promise<Set<string>> {
  const seen = new Map<string, number>()
  const known = new Set(['/console'])
  const queue = ['/console']
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const route = routeOf(routes, path)
    if (route === undefined) throw new Error(`a link leads to ${path}, where nothing is`)
    const times = seen.get(route) ?? 0
    if (times >= perRoute(route)) continue
    seen.set(route, times + 1)
    await page.goto(`${product.url}${path}`)
    await look(path)
    const links = await page.evaluate<string[]>(
      `[...document.querySelectorAll('a[href]')].map((link) => new URL(link.href)).filter((url) => url.origin === location.origin).map((url) => url.pathname)`,
    )
    for (const link of links) {
      if (!link.startsWith('/console') || known.has(link)) continue
      known.add(link)
      queue.push(link)
    }
  }
  return new Set(seen.keys())
}

/** The most literal of the routes that answer a path, as the router would take the first that was written. */
function routeOf(routes: readonly Route[], path: string): string | undefined {
  const inside = path.slice('/console'.length)
  return routes
    .filter(({ method }) => method === 'get')
    .find((route) => new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`).test(inside))
    ?.path
}
