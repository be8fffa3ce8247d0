// Puts an appearance on: the addresses and files that it makes, over the look beneath.
import { createHash } from 'node:crypto'
import { FILE_TYPES, type Look, type ThemeFile } from '../web/theme.ts'
import type { Appearance } from './appearance.ts'
import { ENDINGS } from './picture.ts'
import { stylesheetOf } from './tokens.ts'

export interface Dress {
  /** The look beneath, with this over it. */
  over(look: Look): Look
  /** By path below the address at which they are served: `/<hash>.css`. */
  files: ReadonlyMap<string, ThemeFile>
}

/** @param place the address at which its files are served, such as /appearance */
export function dress({ tokens, logo }: Appearance, place: string): Dress {
  const files = new Map<string, ThemeFile>()
  const add = (ending: string, type: string, content: Buffer) => {
    const name = `/${createHash('sha256').update(content).digest('base64url').slice(0, 16)}.${ending}`
    files.set(name, { type, content })
    return `${place}${name}`
  }
  const css = Buffer.from(stylesheetOf(tokens))
  const sheets = css.length > 0 ? [add('css', FILE_TYPES['.css'] ?? '', css)] : []
  const picture = logo && add(ENDINGS[logo.type], logo.type, logo.content)
  return {
    files,
    over: (look) => ({
      ...look,
      stylesheets: [...look.stylesheets, ...sheets],
      logo: picture ?? look.logo,
      // A theme with an icon of its own keeps it.
      icon: look.icon === look.logo ? (picture ?? look.icon) : look.icon,
    }),
  }
}
