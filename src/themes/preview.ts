// Shows an appearance that is not published on the pages of the gallery: made-up data, and nothing leads anywhere.
import { allStates } from '../specimens/all.ts'
import { CONTACT, hung, NOW } from '../specimens/state.ts'
import type { ThemeFile } from '../web/theme.ts'
import { createViews } from '../web/views.ts'
import { type Appearance, NO_APPEARANCE } from './appearance.ts'
import type { Beneath } from './beneath.ts'
import { dress } from './dress.ts'

/** A preview has no script that runs and no form that is sent; by itself it would be a page of ours that asks for passwords. */
export const PREVIEW_SANDBOX = 'sandbox allow-same-origin'

export interface Preview {
  /** The pages that there are, by slug. */
  specimens: readonly { slug: string; name: string }[]
  /** The files that such a page asks for, by path below `place`. */
  files(appearance: Appearance): ReadonlyMap<string, ThemeFile>
  /**
   * The HTML of a page.
   * @param here its own address, to which its links lead
   * @returns nothing if there is no such specimen or language
   */
  render(appearance: Appearance, page: { slug: string; language: string; here: string }): string | undefined
}

/**
 * @param folders those of the theme in use, ours last
 * @param place the address below which the files of what is previewed are served: one that operators alone get to
 */
export function createPreview(folders: string[], beneath: Beneath, place: string): Preview {
  let shown = NO_APPEARANCE
  const views = createViews({
    folders,
    cache: true,
    organization: () => 'Northwind',
    contact: () => CONTACT,
    now: () => NOW,
    look: () => dress(shown, place).over(beneath.look()),
    words: () => shown.words,
  })
  return {
    specimens: allStates,
    files: (appearance) => dress(appearance, place).files,
    render(appearance, { slug, language, here }) {
      const state = allStates.find((one) => one.slug === slug)
      if (!state || !views.languages.includes(language)) return undefined
      shown = appearance
      return hung(state, views, language, { to: here })
    },
  }
}
