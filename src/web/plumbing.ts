// What a person can do with a page: its forms with their fields and buttons, its links, and where it goes on by itself. Pure.

interface Form {
  /** Where it is sent, and how. */
  target: string
  id: string | undefined
  fields: string[]
  buttons: string[]
}

interface Plumbing {
  forms: Form[]
  links: string[]
  refresh: string | undefined
}

type Attributes = Record<string, string>

/**
 * Compares a page with ours: what of ours it has lost, in words, each once. A form must send the same fields, neither more nor fewer
 * of a name, and Enter must press the same button; links and buttons may be added.
 */
export function lostIn(ours: string, theirs: string): string[] {
  const [here, there] = [plumbingOf(ours), plumbingOf(theirs)]
  const links = here.links.filter((href) => !there.links.includes(href)).map((href) => `the link to ${shortened(href)}`)
  const refresh = here.refresh === there.refresh ? [] : ['the way on by itself']
  return [...new Set([...lostForms(here.forms, there.forms), ...links, ...refresh])]
}

/**
 * A page may have several forms with one address, such as one for each purpose: each of ours has one of theirs to itself. Those that are
 * the same find each other first, for a form with more in it would do for one with less, and be missed by its own.
 */
function lostForms(ours: Form[], theirs: Form[]): string[] {
  const free = [...theirs]
  const take = (isIt: (other: Form) => boolean): Form[] => {
    const at = free.findIndex(isIt)
    return at < 0 ? [] : free.splice(at, 1)
  }
  const changed = ours.filter((form) => take((other) => isSame(form, other)).length === 0)
  const short = changed.filter((form) => take((other) => lostOf(form, other).length === 0).length === 0)
  return short.flatMap((form) => {
    const [other] = take(({ target }) => target === form.target)
    return other ? lostOf(form, other) : [theForm(form)]
  })
}

function isSame(form: Form, other: Form): boolean {
  const textOf = ({ target, fields, buttons }: Form) => JSON.stringify([target, fields, buttons])
  return textOf(form) === textOf(other)
}

function theForm({ target }: Form): string {
  return `the form (${shortened(target)})`
}

function lostOf(form: Form, other: Form): string[] {
  if (form.target !== other.target) return [theForm(form)]
  const names = new Set(form.fields.map(nameOf))
  const theirs = other.fields.filter((field) => names.has(nameOf(field)))
  const lost = [...less(form.fields, theirs), ...form.buttons.filter((button) => !other.buttons.includes(button))]
  const more = less(theirs, form.fields).map((field) => `the only one of ${nameOf(field)}`)
  const isFirst = lost.length > 0 || form.buttons[0] === other.buttons[0]
  return [...lost.map((control) => `the ${nameOf(control)}`), ...more, ...(isFirst ? [] : ['what Enter presses'])]
}

/** `input _csrf` of what is compared, `input _csrf=…`: values are nobody's business. */
function nameOf(control: string): string {
  return control.split('=')[0] ?? ''
}

/** The items of a list without those of another, each as often as it is there more often. */
function less(list: string[], other: string[]): string[] {
  const rest = [...other]
  return list.filter((item) => {
    const at = rest.indexOf(item)
    if (at >= 0) rest.splice(at, 1)
    return at < 0
  })
}

/** Addresses carry what is somebody's after the question mark. */
function shortened(address: string): string {
  return address.split('?')[0] ?? ''
}

// A comment, what stands between two tags as text, or one tag with its name and attributes. What never ends takes the rest with it, as in browsers.
const PIECES =
  /<!--[\s\S]*?(?:-->|$)|<(script|style|title|textarea|template|iframe|select)\b[^>]*>[\s\S]*?(?:<\/\1\s*>|$)|<(\/?)([a-z][\w-]*)((?:[^>"']|"[^"]*(?:"|$)|'[^']*(?:'|$))*)(?:>|$)/gi

function plumbingOf(html: string): Plumbing {
  const page: Plumbing = { forms: [], links: [], refresh: undefined }
  const elsewhere: { form: string; add: (to: Form) => void }[] = []
  let open: Form | undefined
  for (const [, , slash, tag = '', rest = ''] of html.matchAll(PIECES)) {
    const name = tag.toLowerCase()
    const attributes = slash || !/^(form|input|button|a|meta)$/.test(name) ? {} : attributesOf(rest)
    if (name === 'form') {
      // A form within a form is none.
      const started: Form | undefined = slash ? undefined : (open ?? formOf(attributes))
      if (started && !open) page.forms.push(started)
      open = started
    } else if (name === 'a' && attributes.href !== undefined) {
      page.links.push(attributes.href)
    } else if (name === 'meta' && attributes['http-equiv']?.toLowerCase() === 'refresh') {
      page.refresh = attributes.content
    } else if (!slash && (name === 'input' || name === 'button') && attributes.disabled === undefined) {
      const add = (to: Form) => addControl(to, name, attributes)
      if (attributes.form !== undefined) elsewhere.push({ form: attributes.form, add })
      else if (open) add(open)
    }
  }
  for (const { form, add } of elsewhere) {
    const to = page.forms.find(({ id }) => id === form)
    if (to) add(to)
  }
  return page
}

function formOf({ action = '', method = 'get', id }: Attributes): Form {
  return { target: `${method.toLowerCase()} ${action}`, id, fields: [], buttons: [] }
}

function addControl(form: Form, tag: string, attributes: Attributes): void {
  const { name = '', value = '', formaction } = attributes
  const type = attributes.type?.toLowerCase() ?? (tag === 'button' ? 'submit' : 'text')
  if (type === 'submit' || type === 'image') {
    form.buttons.push(`button ${name}=${value}${formaction === undefined ? '' : ` to ${formaction}`}`)
  } else if (tag === 'input' && name !== '' && type !== 'button' && type !== 'reset') {
    const isBox = type === 'checkbox' || type === 'radio'
    const kind = isBox ? 'box' : /^(hidden|password)$/.test(type) ? type : 'field'
    const state = isBox && attributes.checked !== undefined ? ' ticked' : ''
    form.fields.push(`${kind} ${name}=${value}${state}`)
  }
}

function attributesOf(text: string): Attributes {
  const found = text.matchAll(/([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>`]+)))?/g)
  const pairs = [...found].map(([, name = '', ...values]): [string, string] => {
    return [name.toLowerCase(), values.find((value) => value !== undefined) ?? '']
  })
  // The first of two equal attributes counts, as in browsers.
  return Object.fromEntries(pairs.reverse())
}
