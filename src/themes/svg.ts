// Looks through an SVG before it is shown to everybody: shapes and text, and nothing that runs, moves or fetches. Pure.

/** Law: what is not named here is refused, so that nothing has to be known of what comes next. */
const ELEMENTS = new Set(
  [
    'svg g defs symbol use title desc style path rect circle ellipse line polyline polygon text tspan textPath',
    'linearGradient radialGradient stop clipPath mask pattern marker filter feBlend feColorMatrix feComponentTransfer feComposite',
    'feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology feOffset',
  ].flatMap((line) => line.split(' ')),
)

const SVG = 'http://www.w3.org/2000/svg'

/** Less than XML has: no CDATA, no entities of its own, no instructions. What a browser would read otherwise than we is not let through. */
const PIECE = new RegExp(
  [
    String.raw`(?<comment><!--(?:(?!--)[\s\S])*-->)`,
    String.raw`<\?xml\s(?<declaration>[^?<>]*)\?>`,
    String.raw`<!DOCTYPE\s[^[\]<>]*>`,
    String.raw`</(?<end>[A-Za-z][\w.:-]*)\s*>`,
    String.raw`<(?<name>[A-Za-z][\w.:-]*)(?<attributes>(?:\s+[A-Za-z_][\w.:-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(?<closed>/?)>`,
    '(?<words>[^<]+)',
  ].join('|'),
  'gy',
)

const PLAIN = 'The SVG is not written plainly. Export it as plain or optimised SVG'
const NOT_UTF8 = 'The SVG is not written in UTF-8'
const FETCHES = 'The SVG fetches something from elsewhere. Draw it into the picture'

/** Why an SVG is not taken, in a sentence without its full stop; nothing if it may be shown. */
export function problemOfSvg(content: Buffer): string | undefined {
  const text = textOf(content)
  if (text === undefined) return NOT_UTF8
  const open: string[] = []
  let roots = 0
  let read = 0
  for (const { 0: piece, index, groups = {} } of text.matchAll(PIECE)) {
    const { comment, declaration, end, name, attributes = '', closed, words } = groups
    const isRoot = open.length === 0
    read = index + piece.length
    if (declaration !== undefined && /encoding(?!\s*=\s*["']utf-8["'])/i.test(declaration)) return NOT_UTF8
    // What stands before and after something else in a stylesheet is one to CSS.
    if ((comment ?? name) !== undefined && open.at(-1) === 'style') return PLAIN
    if (end !== undefined && open.pop() !== end) return PLAIN
    if (name !== undefined) {
      if (!ELEMENTS.has(name)) return `The SVG has <${name}>. Export it as plain or optimised SVG, without scripts`
      if (isRoot && name !== 'svg') return PLAIN
      const problem = problemOfAttributes(attributes, isRoot)
      if (problem !== undefined) return problem
      if (isRoot) roots += 1
      if (closed === '') open.push(name)
    }
    if (words !== undefined) {
      const said = decoded(words)
      if (said === undefined || (isRoot && said.trim() !== '')) return PLAIN
      if (open.at(-1) === 'style' && (fetches(said) || /@(?!media\b)/i.test(said))) return FETCHES
    }
  }
  return read === text.length && open.length === 0 && roots === 1 ? undefined : PLAIN
}

function problemOfAttributes(text: string, isRoot: boolean): string | undefined {
  const attributes = [...text.matchAll(/([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(
    ([, name = '', double, single]) => ({ name, value: decoded(double ?? single ?? '') }),
  )
  if (isRoot && !attributes.some(({ name, value }) => name === 'xmlns' && value === SVG)) return PLAIN
  for (const { name, value } of attributes) {
    const local = name.split(':').at(-1)?.toLowerCase() ?? ''
    if (value === undefined || (name === 'xmlns' && value !== SVG)) return PLAIN
    if (local.startsWith('on')) return `The SVG has ${name}. Export it without scripts`
    if ((local === 'href' || local === 'src') && !/^\s*#/.test(value)) return FETCHES
    if (!name.startsWith('xmlns') && fetches(value)) return FETCHES
  }
  return undefined
}

/** In a stylesheet or in an attribute: anything but what is drawn in the picture itself. An escape could hide it. */
function fetches(css: string): boolean {
  return /\\|url\((?!\s*["']?#)|image-set|javascript:/i.test(css)
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Undefined if it names a character that XML itself does not. */
function decoded(text: string): string | undefined {
  let isPlain = true
  const plain = text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));|&/gi,
    (_, hex?: string, decimal?: string, name = '') => {
      const code = hex ? Number.parseInt(hex, 16) : Number(decimal)
      if ((hex ?? decimal) !== undefined && code <= 0x10ffff) return String.fromCodePoint(code)
      if (!Object.hasOwn(ENTITIES, name)) isPlain = false
      return ENTITIES[name] ?? ''
    },
  )
  return isPlain ? plain : undefined
}

function textOf(content: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return undefined
  }
}
