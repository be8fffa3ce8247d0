// A person who has a keyboard and nothing else, in Chromium: what they want to use, they reach by Tab.
import type { Page } from 'playwright-core'

export interface Keyboard {
  /** Goes to the field with this label and types. What was there is replaced. */
  type(label: string, text: string): Promise<void>
  /** Chooses a radio button, or ticks a box. */
  choose(label: string): Promise<void>
  /** Chooses in a list. */
  select(label: string, option: string): Promise<void>
  /** Goes to the button or link with these words and presses Enter. */
  press(words: string): Promise<void>
}

const MOST_STOPS = 200

/** What the element with the focus is called: by its label, or by its own words. */
const CALLED = `(() => {
  const element = document.activeElement
  if (!element || element === document.body) return ''
  const labels = [...(element.labels ?? [])].map((label) => label.textContent)
  return (labels.join(' ') || element.getAttribute('aria-label') || element.textContent).replace(/\\s+/g, ' ').trim()
})()`

export function keyboardOf(page: Page): Keyboard {
  const called = () => page.evaluate<string>(CALLED)

  async function reach(words: string, kind: string): Promise<void> {
    const met: string[] = []
    for (let stops = 0; stops < MOST_STOPS; stops += 1) {
      await page.keyboard.press('Tab')
      const here = await called()
      const isKind = await page.evaluate<boolean>(`document.activeElement?.matches(${JSON.stringify(kind)}) === true`)
      if (here === words && isKind) return
      // A group of radio buttons is one stop; the arrows go through it.
      if (kind.includes('radio') && (await page.evaluate<boolean>(`document.activeElement?.type === 'radio'`))) {
        const first = here
        do {
          await page.keyboard.press('ArrowDown')
          if ((await called()) === words) return
        } while ((await called()) !== first)
      }
      met.push(here)
    }
    throw new Error(`nobody gets to "${words}" by Tab; on the way: ${[...new Set(met)].join(' | ')}`)
  }

  return {
    async type(label, text) {
      await reach(label, 'input, textarea')
      await page.keyboard.press('ControlOrMeta+A')
      await page.keyboard.press('Delete')
      await page.keyboard.insertText(text)
    },
    async choose(label) {
      await reach(label, 'input[type="radio"], input[type="checkbox"]')
      if (!(await page.evaluate<boolean>('document.activeElement.checked'))) await page.keyboard.press('Space')
    },
    async select(label, option) {
      await reach(label, 'select')
      await page.keyboard.type(option)
    },
    async press(words) {
      await reach(words, 'a, button, summary')
      const before = page.url()
      await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press('Enter')]).catch(
        (error: unknown) => {
          throw new Error(`"${words}" leads nowhere from ${before}`, { cause: error })
        },
      )
    },
  }
}
