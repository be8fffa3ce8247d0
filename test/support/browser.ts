// The tests' browser without a screen: it follows redirects, keeps cookies and sends forms as rendered, hidden fields included.
import assert from 'node:assert/strict'
import { type CookieJar, cookieJar, isSameSite } from './cookie-jar.ts'
import { type Control, type Form, readPage } from './html-page.ts'
import { type FetchInit, plainFetch } from './plain-fetch.ts'

export interface Browser {
  cookies: CookieJar
  /** Every address asked for since the browser was opened, in order. */
  history: string[]
  /** Goes to an address as if a person had typed it. */
  open(url: string | URL): Promise<Page>
  /** One request with the jar's cookies and nothing else of the browser's: no redirect followed. For forged requests. */
  fetch(url: string | URL, init?: FetchInit): Promise<Response>
}

export interface Page {
  status: number
  url: string
  headers: Headers
  html: string
  title: string
  /** The words a person sees, white space made one space. */
  text: string
  /** The addresses asked for on the way to this page: the first one asked for up to its own. */
  history: string[]
  /** Types into fields by name. Fails for a field that is not there or that nobody could type into. */
  fill(values: Record<string, string>): Page
  /** Ticks the box with this value, or name. */
  tick(box: string): Page
  untick(box: string): Page
  /** Presses the button with these words, or this value. */
  press(button: string): Promise<Page>
  /** Follows the link with these words. */
  click(link: string): Promise<Page>
  /** What pressing that button would send, for tests that change it first. */
  submission(button: string): { url: string; method: 'GET' | 'POST'; fields: URLSearchParams }
}

interface Step {
  url: URL
  method: string
  /** Present when a form is posted. */
  fields?: URLSearchParams
  /** The page that leads there. */
  from?: URL
  origin?: string
}

const longestRoad = 20

let browsers = 0

/** An IP address that no other browser of this process has. */
function ownAddress(): string {
  browsers += 1
  return `10.${(browsers >> 16) & 255}.${(browsers >> 8) & 255}.${browsers & 255}`
}

/** A browser with no cookies. `followRefresh: false` stops at pages that would go on by themselves. */
export function openBrowser(
  options: {
    followRefresh?: boolean
    /** Sent with every navigation, such as Accept-Language. */
    headers?: Record<string, string>
    /** The IP address that the router in front of the product tells of it; each browser has its own unless told otherwise. */
    address?: string
    /** Keeps no cookie of anybody. */
    blocksCookies?: boolean
    /** `fetchTrusting(proxy.ca)` for https. */
    fetch?: (url: string | URL, init?: FetchInit) => Promise<Response>
  } = {},
): Browser {
  const cookies = cookieJar()
  const visited: string[] = []
  const load = options.fetch ?? plainFetch
  const router = { 'X-Forwarded-For': options.address ?? ownAddress() }

  async function request(url: URL, init: FetchInit, from?: URL): Promise<Response> {
    const method = init.method ?? 'GET'
    const cookie = cookies.header(url, { method, ...(from ? { from } : {}) })
    const headers = { ...router, ...init.headers, ...(cookie === '' ? {} : { Cookie: cookie }) }
    visited.push(url.href)
    const response = await load(url, { ...init, method, headers })
    if (!options.blocksCookies) cookies.keep(url, response.headers.getSetCookie())
    return response
  }

  async function travel(first: Step): Promise<Page> {
    const history: string[] = []
    let step = first
    for (;;) {
      assert.ok(history.length < longestRoad, `more than ${longestRoad} redirects:\n${history.join('\n')}`)
      history.push(step.url.href)
      const { url, method, fields, from } = step
      const body = fields ? { body: fields.toString() } : {}
      const response = await request(
        url,
        { method, headers: { ...options.headers, ...headersOf(step) }, ...body },
        from,
      )
      const html = await response.text()
      const redirected = redirectOf(step, response)
      if (redirected) {
        step = redirected
        continue
      }
      const { refresh, ...read } = readPage(html)
      if (refresh === undefined || options.followRefresh === false || response.status !== 200)
        return pageOf(url, response, html, read, history)
      step = { url: new URL(refresh, url), method: 'GET', from: url }
    }
  }

  function pageOf(
    url: URL,
    { status, headers }: Response,
    html: string,
    { title, text, links, forms }: Omit<ReturnType<typeof readPage>, 'refresh'>,
    history: string[],
  ): Page {
    const boxes = forms.flatMap((form) => form.controls).filter(({ kind }) => kind === 'box')

    const setBox = (box: string, checked: boolean) => {
      const found = boxes.filter(({ value, name, disabled }) => !disabled && (value === box || name === box))
      assert.equal(found.length, 1, `no single box "${box}" among: ${boxes.map(({ value }) => value).join(', ')}`)
      for (const control of found) {
        const others = control.isRadio ? boxes.filter(({ isRadio, name }) => isRadio && name === control.name) : []
        for (const other of others) other.checked = false
        control.checked = checked
      }
      return page
    }
    const page: Page = {
      status,
      url: url.href,
      headers,
      html,
      title,
      text,
      history,
      fill: (values) => {
        for (const [name, value] of Object.entries(values)) {
          const fields = forms
            .flatMap((form) => form.controls)
            .filter((control) => control.kind === 'field' && control.name === name)
          const usable = fields.filter(({ fixed, disabled }) => !fixed && !disabled)
          assert.ok(usable.length > 0, `no field "${name}" to type into on: ${text}`)
          for (const field of usable) field.value = value
        }
        return page
      },
      tick: (box) => setBox(box, true),
      untick: (box) => setBox(box, false),
      submission: (button) => submissionOf(forms, button, url, text),
      press: (button) => {
        const { url: action, method, fields } = submissionOf(forms, button, url, text)
        if (method === 'GET') return travel({ url: withQuery(action, fields), method, from: url })
        // Chromium hides the origin from a page that asks for no referrer, even on its own form.
        const origin = headers.get('referrer-policy') === 'no-referrer' ? 'null' : url.origin
        return travel({ url: new URL(action), method, fields, from: url, origin })
      },
      click: (link) => {
        const found = links.find((one) => one.text === link)
        assert.ok(found, `no link "${link}" among: ${links.map((one) => one.text).join(', ')}`)
        return travel({ url: new URL(found.href, url), method: 'GET', from: url })
      },
    }
    return page
  }

  return {
    cookies,
    history: visited,
    open: (url) => travel({ url: new URL(url), method: 'GET' }),
    fetch: (url, init = {}) => request(new URL(url), init),
  }
}

function redirectOf(step: Step, { status, headers }: Response): Step | undefined {
  const location = headers.get('location')
  if (status < 300 || status >= 400 || location === null) return undefined
  const url = new URL(location, step.url)
  // 307 and 308 repeat the form; after any other a browser asks with GET (Fetch standard, HTTP-redirect fetch).
  return status === 307 || status === 308 ? { ...step, url } : { url, method: 'GET', ...fromOf(step) }
}

function headersOf({ url, fields, from, origin }: Step): Record<string, string> {
  return {
    Accept: 'text/html',
    'Sec-Fetch-Site': !from
      ? 'none'
      : from.origin === url.origin
        ? 'same-origin'
        : isSameSite(from, url)
          ? 'same-site'
          : 'cross-site',
    ...(origin === undefined ? {} : { Origin: origin }),
    ...(fields ? { 'Content-Type': 'application/x-www-form-urlencoded' } : {}),
  }
}

function fromOf({ from }: Step): { from?: URL } {
  return from ? { from } : {}
}

function submissionOf(forms: Form[], label: string, page: URL, text: string) {
  const buttons = forms.flatMap((form) =>
    form.controls.filter(({ kind }) => kind === 'button').map((button) => ({ form, button })),
  )
  const pressed = buttons.find(({ button }) => !button.disabled && (button.label === label || button.value === label))
  assert.ok(pressed, `no button "${label}" among [${buttons.map(({ button }) => button.label).join(', ')}] on: ${text}`)
  const { form, button } = pressed
  const fields = new URLSearchParams()
  for (const control of form.controls) if (isSent(control, button)) fields.append(control.name, control.value)
  return { url: new URL(button.formAction ?? form.action, page).href, method: form.method, fields }
}

function isSent(control: Control, pressed: Control): boolean {
  if (control.name === '' || control.disabled) return false
  if (control.kind === 'button') return control === pressed
  return control.kind === 'field' || control.checked
}

function withQuery(action: string, fields: URLSearchParams): URL {
  const url = new URL(action)
  url.search = fields.toString()
  return url
}
