// What the browser made of an element, as WCAG measures it: sizes and contrasts.
import type { Page } from 'playwright-core'

/** The contrast of two colours as WCAG 2.2 defines it, 1 to 21. Each is `rgb(…)` or `#rrggbb`. */
export function contrastOf(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(color: string): number {
  const parts = color.startsWith('#')
    ? [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16))
    : (color.match(/[\d.]+/g) ?? []).map(Number)
  const [red = 0, green = 0, blue = 0] = parts.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Run in a page: how much wider it is than its window, in pixels; 0 when nothing scrolls sideways. */
export const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'

export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate(OVERFLOW)
}

/** The parts of the DOM that these tests read; the compiler knows no browser. */
export interface ElementLike {
  tagName: string
  id: string
  className: string
  textContent: string | null
  parentElement: ElementLike | null
  ownerDocument: {
    defaultView: { getComputedStyle(element: ElementLike): Record<string, string>; innerHeight: number }
    elementFromPoint(x: number, y: number): ElementLike | null
  }
  contains(other: ElementLike | null): boolean
  getAttribute(name: string): string | null
  getBoundingClientRect(): { x: number; y: number; width: number; height: number }
}

export interface Looks {
  /** The tag, and what tells it apart: its words, or its id. */
  name: string
  tag: string
  width: number
  height: number
  style: Record<string, string>
  /** What its text, and its ring, are seen against: the nearest background that is not transparent, from itself and from its parent. */
  background: string
  around: string
  /** Whether it can be pressed at its middle: it is in the window, and nothing lies over it. */
  isOnTop: boolean
}

/** What every element that `selector` finds looks like. */
export async function looksOf(page: Page, selector: string): Promise<Looks[]> {
  const all = await page.locator(selector).evaluateAll((elements: ElementLike[], names) => {
    // The browser gets this function as text, so it can call no other and name none.
    const looks = []
    for (const element of elements) {
      const { elementFromPoint, defaultView } = element.ownerDocument
      const { x, y, width, height } = element.getBoundingClientRect()
      const computed = defaultView.getComputedStyle(element)
      const style: Record<string, string> = {}
      for (const name of names) style[name] = computed[name] ?? ''
      const backgrounds: string[] = []
      for (let at: ElementLike | null = element; at; at = at.parentElement) {
        backgrounds.push(defaultView.getComputedStyle(at).backgroundColor ?? '')
      }
      const top = elementFromPoint.call(element.ownerDocument, x + width / 2, y + height / 2)
      const name = `${element.tagName} ${element.textContent?.trim() || element.id}`
      looks.push({ name, tag: element.tagName, width, height, style, backgrounds, isOnTop: element.contains(top) })
    }
    return looks
  }, PROPERTIES)
  return all.map(({ backgrounds, ...looks }) => ({
    ...looks,
    background: firstOpaque(backgrounds),
    around: firstOpaque(backgrounds.slice(1)),
  }))
}

const PROPERTIES = [
  ...['color', 'fontSize', 'fontWeight', 'minWidth', 'appearance'],
  ...['outlineColor', 'outlineStyle', 'outlineWidth', 'outlineOffset'],
  ...['borderTopColor', 'borderTopStyle', 'borderTopWidth'],
]

function firstOpaque(backgrounds: string[]): string {
  return backgrounds.find((one) => one !== 'rgba(0, 0, 0, 0)') ?? 'rgb(255, 255, 255)'
}
