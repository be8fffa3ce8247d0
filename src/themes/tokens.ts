// The tokens of a theme: which there are, what each may be, the stylesheet that they make, and whether people can read what it colours. Pure.

/** What a token may be. Every value goes into a stylesheet as it stands, so nothing may end a declaration or fetch anything. */
export const KINDS = {
  color: { pattern: /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i, what: 'a colour as #rrggbb', example: '#0a6b4f' },
  length: { pattern: /^(?:0|\d{1,4}(?:\.\d{1,3})?(?:px|rem|em))$/, what: 'a length in px, rem or em', example: '6px' },
  // These three have bounds, beyond which nobody can read the page. They are patterns, so that an editor knows them by the JSON Schema.
  text: {
    pattern:
      /^(?:(?:(?:1[2-9]|2\d|3[01])(?:\.\d{1,3})?|32(?:\.0{1,3})?)px|(?:0\.(?:7[5-9]\d?|[89]\d{0,2})|1(?:\.\d{1,3})?|2(?:\.0{1,3})?)r?em)$/,
    what: 'a size of text of 12px to 32px, or 0.75rem to 2rem',
    example: '1rem',
  },
  width: {
    pattern:
      /^(?:(?:25[6-9]|2[6-9]\d|[3-9]\d{2}|[1-9]\d{3})(?:\.\d{1,3})?px|(?:1[6-9]|[2-9]\d|[1-9]\d{2,3})(?:\.\d{1,3})?r?em)$/,
    what: 'a width of at least 16rem, or 256px',
    example: '34rem',
  },
  logo: {
    pattern:
      /^(?:(?:(?:1[6-9]|[2-9]\d|1[0-5]\d)(?:\.\d{1,3})?|160(?:\.0{1,3})?)px|(?:[1-9](?:\.\d{1,3})?|10(?:\.0{1,3})?)r?em)$/,
    what: 'a height of 16px to 160px, or 1rem to 10rem',
    example: '32px',
  },
  font: {
    pattern: /^(?:"[\w -]{1,60}"|-?[a-z][\w-]{0,60})(?:, ?(?:"[\w -]{1,60}"|-?[a-z][\w-]{0,60})){0,20}$/i,
    what: 'names of fonts with commas between them, those with spaces in double quotes',
    example: 'Inter, system-ui, sans-serif',
  },
} as const

export type Kind = keyof typeof KINDS

const colors = 'bg surface text muted border accent on-accent error warn focus page sheet line'.split(' ')
const lengths = 'radius space-1 space-2 space-3 space-4 space-5 space-6'.split(' ')

/** Every token by name: `color-accent` is `--jit-color-accent` in the stylesheet. */
export const TOKENS: Readonly<Record<string, Kind>> = Object.fromEntries([
  ...colors.map((name): [string, Kind] => [`color-${name}`, 'color']),
  ...lengths.map((name): [string, Kind] => [name, 'length']),
  ['font-size', 'text'],
  ['measure', 'width'],
  ['logo-height', 'logo'],
  ['font-body', 'font'],
])

export type Values = Record<string, string>

/** Colours once for light and once for dark pages; what is no colour stands under `light` and holds for both. */
export interface Tokens {
  light: Values
  dark: Values
}

/** The tokens at the top of our stylesheet, `var(…)` and all. */
export function tokensOf(css: string): Tokens {
  const [, light = '', dark = ''] = css.split(':root {').map((block) => block.split('}')[0])
  const read = (block: string) =>
    Object.fromEntries(
      [...block.matchAll(/--jit-([\w-]+):\s*([^;]+);/g)].map(([, name = '', value = '']) => [name, value]),
    )
  return { light: read(light), dark: read(dark) }
}

/** The tokens of several, the later ones over the earlier ones. */
export function merged(all: Tokens[]): Tokens {
  return {
    light: Object.assign({}, ...all.map(({ light }) => light)),
    dark: Object.assign({}, ...all.map(({ dark }) => dark)),
  }
}

/** A stylesheet that says these tokens; empty if there are none. */
export function stylesheetOf({ light, dark }: Tokens): string {
  const [colours, others] = [Object.entries(light), Object.entries(light)]
  return [
    block(others.filter(([name]) => TOKENS[name] !== 'color')),
    // A light colour outside this question would also be that of dark pages, for which our stylesheet has another.
    block(
      colours.filter(([name]) => TOKENS[name] === 'color'),
      'not all and (prefers-color-scheme: dark)',
    ),
    block(Object.entries(dark), '(prefers-color-scheme: dark)'),
  ].join('')
}

function block(tokens: [string, string][], when?: string): string {
  if (tokens.length === 0) return ''
  const root = `:root {\n${tokens.map(([name, value]) => `  --jit-${name}: ${value};\n`).join('')}}\n`
  return when === undefined ? root : `@media ${when} {\n${root}}\n`
}

/** What has to stand out from what, and how much (WCAG 2.2, 1.4.3 and 1.4.11). */
const PAIRS: [least: number, front: string, back: string][] = [
  [4.5, 'text muted accent error', 'page sheet'],
  [4.5, 'on-accent', 'accent'],
  [3, 'border warn focus', 'page sheet'],
]

export interface TooFaint {
  scheme: 'light' | 'dark'
  /** Names of tokens. */
  front: string
  back: string
  contrast: number
  least: number
}

/** The pairs of colours that are too close to each other. `ours` says what a theme does not. */
export function tooFaint(ours: Tokens, theme: Tokens): TooFaint[] {
  return (['light', 'dark'] as const).flatMap((scheme) => {
    const inLight = { ...ours.light, ...theme.light }
    const values = scheme === 'light' ? inLight : { ...inLight, ...ours.dark, ...theme.dark }
    return PAIRS.flatMap(([least, fronts, backs]) =>
      fronts.split(' ').flatMap((one) =>
        backs.split(' ').flatMap((other) => {
          const [front, back] = [`color-${one}`, `color-${other}`]
          const contrast = contrastOf(colourOf(values, front), colourOf(values, back))
          return contrast < least ? [{ scheme, front, back, contrast: Math.floor(contrast * 10) / 10, least }] : []
        }),
      ),
    )
  })
}

function colourOf(values: Values, name: string): string {
  const value = values[name] ?? ''
  const [, other] = /^var\(--jit-([\w-]+)\)$/.exec(value) ?? []
  return other === undefined ? value : colourOf(values, other)
}

/** The contrast of two colours as WCAG 2.2 defines it, 1 to 21. */
function contrastOf(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(color: string): number {
  const digits = color.length === 4 ? color.replace(/[0-9a-f]/gi, '$&$&') : color
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(digits.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
