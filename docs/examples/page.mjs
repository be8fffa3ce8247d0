// A page of your own that asks, elsewhere: register.do and signup.do in one, without a dependency. See docs/flow-api.md.
// Run: VESTIBULE=https://signin.example CLIENT_ID=pages CLIENT_SECRET=… PORT=8080 node page.mjs
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

const { VESTIBULE, CLIENT_ID, CLIENT_SECRET, PORT } = process.env
const API = `${VESTIBULE}/api/flow/v1`
let token = { until: 0, value: '' }

async function bearer() {
  if (Date.now() < token.until) return token.value
  const basic = Buffer.from([CLIENT_ID, CLIENT_SECRET].map(encodeURIComponent).join(':')).toString('base64')
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'internal_flow_answer' })
  const answer = await fetch(`${VESTIBULE}/oauth2/token`, { method: 'POST', headers: { Authorization: `Basic ${basic}` }, body })
  const { access_token: value, expires_in: seconds } = await answer.json()
  token = { until: Date.now() + (seconds - 30) * 1000, value }
  return value
}

async function call(path, body) {
  const headers = { Authorization: `Bearer ${await bearer()}`, 'Content-Type': 'application/json' }
  const answer = await fetch(API + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: answer.status, ...(await answer.json()) }
}

const html = (value) => String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
const wrong = (problem) => (problem ? `<strong data-msg="${html(problem.code)}">${html(problem.text)}</strong>` : '')
const shown = ({ text, items, iso }) => html(text ?? items?.join(', ') ?? iso)
const input = (label, name, { value = '', type = 'text', problem }) =>
  `<p><label>${html(label)} <input name="${html(name)}" type="${type}" value="${html(value)}"></label> ${wrong(problem)}</p>`

function attribute({ label, value, box, input: typed }) {
  const tick = box && `<input type="checkbox" name="consent" value="${html(box.value)}" ${box.ticked ? 'checked' : ''}>`
  return `<p><label>${tick ?? ''} ${html(label)} ${value ? shown(value) : ''}</label> ${html(box?.leftEmpty ?? '')} ${wrong(box?.problem)}</p>
    ${typed ? input(label, typed.name, typed) : ''}`
}

function page(flowToken, { username, password, consent, ...question }) {
  const purposes = consent?.purposes.map(
    (one) => `<h2>${html(one.purpose)}</h2><p>${html(one.description)}</p>${one.attributes.map(attribute).join('')}`,
  )
  return `<!doctype html><title>${html(question.heading)}</title><h1>${html(question.heading)}</h1>
    <p>You signed in as ${html(question.signedInAs)}. <a href="${html(question.switchHref)}">Not you?</a></p>
    <form method="post">${wrong(question.changed)}
    <input type="hidden" name="token" value="${html(flowToken)}"><input type="hidden" name="page" value="${html(question.page)}">
    <input type="hidden" name="notice" value="${html(question.notice)}">
    ${username.kind === 'asked' ? input('Username', 'username', username) : `<p>Username: ${html(username.value)}</p>`}
    ${password ? input('Password', 'password', { type: 'password', problem: password.problem }) : ''}
    ${purposes?.join('') ?? ''}
    <button name="do" value="create">${html(question.actions.create)}</button>
    <button name="do" value="decline">${html(question.actions.decline)}</button></form>`
}

async function answer(req) {
  if (req.method !== 'POST') {
    const { token: flowToken, question, ...rest } = await call('/questions', { key: new URL(req.url, API).searchParams.get('key') })
    return question ? { status: 200, body: page(flowToken, question) } : rest
  }
  const form = new URLSearchParams(await text(req))
  const { question, ...rest } = await call('/answers', { ...Object.fromEntries(form), consent: form.getAll('consent') })
  return question ? { status: rest.status, body: page(form.get('token'), question) } : rest
}

createServer(async (req, res) => {
  // Nothing of a person in a cache, and no key in a Referer.
  const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }
  const { status, returnTo, body, code } = await answer(req).catch(() => ({ status: 502, code: 'UNREACHABLE' }))
  // Done, over, or a key that was used before: Vestibule knows where the browser goes on.
  if (returnTo) res.writeHead(303, { ...headers, Location: returnTo }).end()
  else res.writeHead(status, headers).end(body ?? `<!doctype html><title>Sorry</title><p data-msg="${html(code)}">Start again from the place you came from.`)
}).listen(Number(PORT), '127.0.0.1', () => console.log('ready'))
