// A page in one state, with made-up data: what the gallery shows, the check of themes prints, and tests of pages look at.
import type { Pages, ViewName, Views } from '../web/views.ts'

export interface PageState {
  name: string
  /** Its name as it stands in addresses and names of files. */
  slug: string
  view: ViewName
  /** Renders it, with every page changed first if `change` is given. */
  render(views: Views, change?: <T>(page: T) => T, language?: string, here?: string): string
}

/** The clock of every state: their pages are open for a while yet. */
export const NOW = new Date('2027-03-04T14:12:10Z')
export const OPEN_UNTIL = new Date('2027-03-04T14:32:10Z')

/** Whom people can ask for help, in every way there is. */
export const CONTACT = {
  contact: 'Data protection officer',
  email: 'help@northwind.example',
  phone: '+44 20 7946 0000',
}

/** What the pages of a sign-in quote. */
const CODE = '7f3a-91c2'

/** `reference` is null for a page that belongs to no sign-in. */
export function state<V extends ViewName>(
  view: V,
  name: string,
  page: Pages[V],
  reference: string | null = CODE,
): PageState {
  const whole = `${view}: ${name}`
  return {
    name: whole,
    slug: whole.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
    view,
    render: (views, change = (same) => same, language = 'en', here) =>
      views.render(view, change(page), language, here, reference ?? undefined),
  }
}

/** What leads away from a page. */
const LEADS = /(^action|href)$/i

/**
 * The page as it is shown where it belongs to no sign-in: what is pressed leads to `to`, and it does not go on by itself. `here` is as in
 * `views.render`.
 */
export function hung(
  state: PageState,
  views: Views,
  language: string,
  { to, here }: { to: string; here?: string },
): string {
  const leading = <T>(page: T) => withEveryText(page, (text, name) => (LEADS.test(name) ? to : text))
  return state.render(views, leading, language, here).replace(/<meta http-equiv="refresh"[^>]*>\n?/, '')
}

/** A copy in which every text but the names of things is changed; `name` is that of the field it stands in. */
export function withEveryText<T>(value: T, change: (text: string, name: string) => string): T {
  const walk = (part: unknown, name = ''): unknown => {
    if (typeof part === 'string') return ['key', 'kind', 'field'].includes(name) ? part : change(part, name)
    if (Array.isArray(part)) return part.map((item) => walk(item, name))
    if (typeof part !== 'object' || part === null || part instanceof Date) return part
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, walk(inner, key)]))
  }
  return walk(value) as T
}
