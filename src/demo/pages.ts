// Plain pages for the two other parties of the demonstration: escaped by default, one stylesheet, no script.
import type { Express, Response } from 'express'

/** Markup that is safe to print; only `html` makes it. */
export class Html {
  readonly markup: string
  constructor(markup: string) {
    this.markup = markup
  }
}

/** A piece of a page. Every value put into it is escaped, unless it is such a piece itself or a list of them. */
export function html(strings: TemplateStringsArray, ...values: (string | Html | Html[])[]): Html {
  return new Html(strings.reduce((before, after, index) => before + print(values[index - 1]) + after))
}

/** A whole page: `brand` is the party that speaks, `title` the heading, `body` what follows it. */
export function page(brand: string, title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – ${brand}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><p><strong>${brand}</strong> <span>demonstration</span></p></header>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.markup
}

/** Sends a page that no cache may keep: most of them speak about a person. */
export function send(res: Response, status: number, whole: string): void {
  res.status(status).type('html').set('Cache-Control', 'no-store').send(whole)
}

/** Gives every answer of this party its headers, and serves the stylesheet at /style.css. */
export function servePages(app: Express): void {
  app.disable('x-powered-by')
  app.use((_req, res, next) => {
    res.set({
      // No form-action here: the sign-in form leads on to another origin, and form-action would follow it there.
      'Content-Security-Policy': "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
      'X-Content-Type-Options': 'nosniff',
      // Addresses of a sign-in in progress are nobody else's business.
      'Referrer-Policy': 'same-origin',
    })
    next()
  })
  app.get('/style.css', (_req, res) => {
    res.type('css').set('Cache-Control', 'max-age=3600').send(stylesheet)
  })
}

function print(value: string | Html | Html[] | undefined): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map((piece) => piece.markup).join('\n')
  return value instanceof Html
    ? value.markup
    : value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const stylesheet = `
:root {
  color-scheme: light dark;
  --bg: #ffffff; --surface: #f5f6f8; --text: #15181e; --muted: #4a5160; --border: #697080;
  --accent: #1a4fd0; --on-accent: #ffffff; --focus: #0b57d0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #14161a; --surface: #1d2027; --text: #f2f4f8; --muted: #b4bac7; --border: #8c94a5;
    --accent: #8fb5ff; --on-accent: #0b1220; --focus: #ffd54a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
header, main { max-inline-size: 34rem; margin-inline: auto; padding-inline: 16px; }
header p { margin: 0; padding-block: 16px; border-block-end: 1px solid var(--surface); }
header span { color: var(--muted); margin-inline-start: 8px; }
main { padding-block: 24px 40px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin-block: 0 16px; }
.muted { color: var(--muted); }
.people { display: grid; gap: 8px; }
.people button {
  display: block; inline-size: 100%; min-block-size: 44px; padding: 10px 16px; text-align: start;
  font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--border); border-radius: 6px; cursor: pointer;
}
.people strong, .people small { display: block; }
.people small { font-size: 0.9375rem; color: var(--muted); }
.people button:hover { border-color: var(--accent); }
.action {
  display: inline-block; min-block-size: 44px; padding: 10px 20px; font: inherit; font-weight: 600; text-decoration: none;
  color: var(--on-accent); background: var(--accent); border: 1px solid transparent; border-radius: 6px; cursor: pointer;
}
a:not(.action) { color: var(--accent); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
table { inline-size: 100%; border-collapse: collapse; margin-block: 0 24px; }
caption { text-align: start; color: var(--muted); padding-block-end: 8px; }
th, td { text-align: start; vertical-align: top; padding: 8px 16px 8px 0; border-block-end: 1px solid var(--surface); overflow-wrap: anywhere; }
th { font-weight: 600; white-space: nowrap; }
@media (max-width: 30rem) { th, td { display: block; } th { border-block-end: 0; padding-block-end: 0; } }
.list th { white-space: normal; }
.list a { display: inline-block; min-block-size: 24px; min-inline-size: 24px; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
`
