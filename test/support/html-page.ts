// Reads the forms, links and words of an HTML page, as far as well-formed pages need it. Pure.

export interface Control {
  kind: 'field' | 'box' | 'button'
  name: string
  value: string
  /** Of a tick box or radio button. */
  checked: boolean
  /** One of several with its name: choosing it gives up the others. */
  isRadio?: true
  /** A person cannot change it: hidden or read-only. */
  fixed: boolean
  disabled: boolean
  /** The words on a button. */
  label: string
  /** Where this button sends the form instead. */
  formAction?: string
}

export interface Form {
  /** As written: relative to the page, empty for the page itself. */
  action: string
  method: 'GET' | 'POST'
  controls: Control[]
}

export interface HtmlPage {
  title: string
  /** All words but the title's, runs of white space made one. */
  text: string
  links: { text: string; href: string }[]
  forms: Form[]
  /** Where a refresh leads, if the page has one that leads elsewhere. */
  refresh?: string
}

type Attributes = Record<string, string>

// A comment or doctype, a script or style with its content, or one tag with its name and attributes; quotes may hold any character.
const pieces =
  /<!--[\s\S]*?-->|<![^>]*>|<(script|style)\b[^>]*>[\s\S]*?<\/\1\s*>|<(\/?)([a-z][a-z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/gi

/** The elements that say something here. */
const READ = /^(form|title|a|meta|input|button|select|textarea)$/

/** Reads a page. Malformed markup is read as far as it makes sense, never an error. */
export function readPage(source: string): HtmlPage {
  const page: HtmlPage = {
    title: '',
    text: wordsOf(source.replace(/<title>[\s\S]*?<\/title>/i, '')),
    links: [],
    forms: [],
  }
  const byId = new Map<string, Form>()
  const waiting: { id: string; control: Control }[] = []
  let open: Form | undefined

  for (const match of source.matchAll(pieces)) {
    const [whole, , slash, tag = '', rest = ''] = match
    const name = tag.toLowerCase()
    if (!READ.test(name)) continue
    const attributes = readAttributes(rest)
    const inside = () => contentOf(source, match.index + whole.length, name)

    if (name === 'form') {
      open = slash ? undefined : formOf(attributes)
      if (open) page.forms.push(open)
      if (open && attributes.id) byId.set(attributes.id, open)
    } else if (slash) {
    } else if (name === 'title') {
      page.title = wordsOf(inside())
    } else if (name === 'a' && attributes.href !== undefined) {
      page.links.push({ text: wordsOf(inside()), href: attributes.href })
    } else if (name === 'meta' && attributes['http-equiv']?.toLowerCase() === 'refresh') {
      const target = /url=['"]?([^'"]+)/i.exec(attributes.content ?? '')?.[1]
      if (target !== undefined) page.refresh = target
    } else {
      const control = controlOf(name, attributes, inside)
      if (control && attributes.form) waiting.push({ id: attributes.form, control })
      else if (control) open?.controls.push(control)
    }
  }
  for (const { id, control } of waiting) byId.get(id)?.controls.push(control)
  return page
}

function formOf(attributes: Attributes): Form {
  const method = attributes.method?.toLowerCase() === 'post' ? 'POST' : 'GET'
  return { action: attributes.action ?? '', method, controls: [] }
}

function controlOf(tag: string, attributes: Attributes, inside: () => string): Control | undefined {
  const type = attributes.type?.toLowerCase() ?? (tag === 'button' ? 'submit' : 'text')
  const control: Control = {
    kind: 'field',
    name: attributes.name ?? '',
    value: attributes.value ?? '',
    checked: 'checked' in attributes,
    fixed: type === 'hidden' || 'readonly' in attributes,
    disabled: 'disabled' in attributes,
    label: '',
    ...(attributes.formaction === undefined ? {} : { formAction: attributes.formaction }),
  }
  if (tag === 'textarea') return { ...control, value: decode(inside().replace(/^\r?\n/, '')) }
  if (tag === 'select') return { ...control, value: chosenOf(inside()) }
  if (tag === 'button') return type === 'submit' ? { ...control, kind: 'button', label: wordsOf(inside()) } : undefined
  if (tag !== 'input' || type === 'reset' || type === 'button') return undefined
  if (type === 'submit' || type === 'image') return { ...control, kind: 'button', label: control.value }
  if (type === 'radio') return { ...control, kind: 'box', isRadio: true, value: attributes.value ?? 'on' }
  if (type === 'checkbox') return { ...control, kind: 'box', value: attributes.value ?? 'on' }
  return control
}

function chosenOf(options: string): string {
  const all = [...options.matchAll(/<option\b((?:[^>"']|"[^"]*"|'[^']*')*)>([^<]*)/gi)].map(
    ([, rest = '', words = '']) => {
      const attributes = readAttributes(rest)
      return { value: attributes.value ?? wordsOf(words), selected: 'selected' in attributes }
    },
  )
  return (all.find(({ selected }) => selected) ?? all[0])?.value ?? ''
}

function contentOf(source: string, from: number, tag: string): string {
  // Not in lower case: an İ becomes two characters there, and every place behind it another.
  const end = source.slice(from).search(new RegExp(`</${tag}`, 'i'))
  return source.slice(from, end < 0 ? from : from + end)
}

function readAttributes(text: string): Attributes {
  const found = text.matchAll(/([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g)
  const pairs = [...found].map(([, name = '', ...values]): [string, string] => {
    return [name.toLowerCase(), decode(values.find((value) => value !== undefined) ?? '')]
  })
  // The first of two equal attributes counts, as in browsers.
  return Object.fromEntries(pairs.reverse())
}

function wordsOf(markup: string): string {
  return decode(markup.replace(pieces, ' ')).replace(/\s+/g, ' ').trim()
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|([a-z]+));/gi, (whole, decimal, hexadecimal, name) => {
    if (name !== undefined) return entities[String(name)] ?? whole
    const code = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
  })
}
