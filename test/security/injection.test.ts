// What is written into a request stays text: it becomes no header, no template's option, no member of every object and no second address (S092, S094, S131, S140, S141).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readTyped } from '../../src/provisioning/typed-attributes.ts'
import { openBrowser } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, messagesOf, send, signedInAt, stranger } from '../support/road.ts'
import { countPeople, flowIdOf, knownPerson, meanwhile } from '../support/visits.ts'

const REGISTER = '/accountrecoveryendpoint/register.do'
const LOGIN = '/authenticationendpoint/login.do'

// biome-ignore format: one kind of trick, one line
const NOT_ONE_ADDRESS = [
  '"a@evil.example"@good.example', '"a b"@good.example', '"asha"@good.example', 'asha@evil.example@good.example', 'asha@@good.example', '@good.example', 'asha@', 'asha',
  'asha＠good.example', 'a＠evil.example@good.example', 'asha﹫good.example', 'asha@evil.example＠good.example',
  'asha@good.example,eve@evil.example', 'asha@good.example;eve@evil.example', 'asha@good.example eve@evil.example', 'asha,eve@good.example', 'asha;eve@good.example',
  '<asha@good.example>', 'Asha <asha@good.example>', 'asha@good.example>', 'asha(eve)@good.example', 'asha@good.example(evil.example)', 'asha@good.example,', 'mailto:asha@good.example',
  'asha@good.example\r\nBcc: eve@evil.example', 'asha@good.example\nBcc:eve@evil.example', 'asha\r@good.example', 'asha@good.example\0.evil.example', 'asha\0@good.example', 'asha@good.example%0aBcc:x@y.z',
  'asha..rao@good.example', '.asha@good.example', 'asha.@good.example', 'asha\\@good.example', 'asha:eve@good.example', 'asha[1]@good.example', `${'a'.repeat(65)}@good.example`,
  'asha@good', 'asha@.example', 'asha@good..example', 'asha@-good.example', 'asha@good-.example', 'asha@good.example.', 'asha@good_x.example', 'asha@good.e', 'asha@127.0.0.1', 'asha@[127.0.0.1]',
  'asha@0x7f.1', 'asha@good.123', 'asha@good.example:25', 'asha@good.example/x', 'asha@good.example#x', 'asha@good.example?x', `asha@${'a'.repeat(64)}.example`, `asha@${'a.'.repeat(130)}example`,
  'asha@ｇood.example', 'asha@good。example', 'asha@good․example', 'asha@gооd.example\u200b', 'asha@go\u00adod.example', 'asha@\u202egood.example', 'asha@ℊood.example', 'asha@ⓖood.example', 'asha@😀.example',
  'ásha@good.example', 'asha\u0301@good.example', 'аsha@good.example', 'asha\u200b@good.example', 'asha\uFFFD@good.example', 'asha@xn--.example.', 'asha@good.example\u2028',
]
const ONE_ADDRESS: [string, string][] = [
  ['asha@good.example', 'asha@good.example'],
  ['Asha.Rao+travel@Good.EXAMPLE', 'Asha.Rao+travel@Good.EXAMPLE'],
  ["o'brien_{x}/y=z!#$%&*?^`|~-@good-1.example", "o'brien_{x}/y=z!#$%&*?^`|~-@good-1.example"],
  [`${'a'.repeat(64)}@${'b'.repeat(63)}.example`, `${'a'.repeat(64)}@${'b'.repeat(63)}.example`],
  ['asha@bücher.example', 'asha@xn--bcher-kva.example'],
  ['asha@bu\u0308cher.example', 'asha@xn--bcher-kva.example'],
  ['asha@BÜCHER.example', 'asha@xn--bcher-kva.example'],
  ['asha@例え.テスト', 'asha@xn--r8jz45g.xn--zckzah'],
  // The first letter is Cyrillic: another domain, and in ASCII everybody can see that it is.
  ['asha@аpple.example', 'asha@xn--pple-43d.example'],
]

describe('an address that a person types', () => {
  for (const typed of NOT_ONE_ADDRESS) {
    it(`is refused as ${JSON.stringify(typed.slice(0, 50))}`, () => {
      const reading = readTyped('email', typed, 'Email address')
      assert.ok('problem' in reading, `kept as ${JSON.stringify(reading)}`)
      assert.match(reading.problem.key, /^ATTR_(EMAIL|FORMAT)$/)
    })
  }

  it('is kept as the one address that it is, its domain as machines write it', () => {
    for (const [typed, kept] of ONE_ADDRESS) {
      assert.deepEqual(readTyped('email', ` ${typed} `, 'Email address'), { value: kept }, typed)
      assert.deepEqual(readTyped('email', kept, 'Email address'), { value: kept }, 'and is its own form')
    }
  })
})

describe('what is written into a request', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'username'] })
  })
  after(() => product.stop())

  const withoutToken = (html: string) => html.replace(/name="_csrf" value="[^"]*"/, '')

  it('becomes no header: what comes back in an address comes back encoded, letter for letter', async () => {
    const texts = [
      'a\r\nX-Evil: 1',
      '\nSet-Cookie: evil=1',
      '\r\n\r\n<script>',
      'a\0b',
      'Привет, 世界 🌍',
      '\u560a\u560dX-Evil: 1',
      '"; evil=1',
      '% + & = # ?',
      '\x7f\x1b[31m',
    ]
    const browser = openBrowser()
    const flow = flowIdOf(await arrive(product, browser, 'consent', stranger(product)))
    const choice = await browser.open(`${product.application.url}/login`)
    const request = new URL(
      choice.history.find((url) => url.includes('/oauth2/authorize')) ?? assert.fail('no request'),
    )
    for (const text of texts) {
      const written = encodeURIComponent(text)
      const query = (changes: Record<string, string>) => {
        const params = new URLSearchParams(request.searchParams)
        for (const [name, value] of Object.entries(changes)) params.set(name, value)
        return params
      }
      const answers: [string, Response][] = []
      for (const path of [
        `/oauth2/authorize?${query({ state: text, prompt: 'none' })}`,
        `/oauth2/authorize?${query({ state: text, response_type: text })}`,
        `/oidc/logout?${new URLSearchParams({ client_id: 'travel', post_logout_redirect_uri: `${product.application.url}/bye`, state: text })}`,
        // A sign-in that came back already starts again with the same query.
        `${LOGIN}?sessionDataKey=${flow}&x=${written}&idp=${written}`,
        `/${written}`,
        `/commonauth/${written}?state=${written}`,
      ]) {
        answers.push([
          path,
          await openBrowserWith(browser).fetch(product.url + path, { headers: { 'X-Request-ID': written } }),
        ])
      }
      for (const [path, response] of answers) {
        assert.ok(response.status < 500, `${path}: ${response.status}`)
        assert.equal(response.headers.get('x-evil'), null, path)
        for (const [name, value] of response.headers) {
          assert.match(value, /^[ -~]*$/, `${name} of ${path}`)
          if (name === 'set-cookie') assert.doesNotMatch(value, /evil=1/, path)
        }
      }
      for (const [path, response] of answers.slice(0, 2)) {
        const location = new URL(response.headers.get('location') ?? '')
        assert.ok(location.href.startsWith(`${product.application.redirectUri}?`), path)
        assert.equal(location.searchParams.get('state'), text, path)
      }
    }
  })

  /** A browser with the cookies of another, so that what it is given does not push them out. */
  function openBrowserWith(other: ReturnType<typeof openBrowser>) {
    const browser = openBrowser()
    const pairs = other.cookies.header(new URL(product.url), { method: 'GET' }).split('; ')
    browser.cookies.keep(
      new URL(product.url),
      pairs.map((pair) => `${pair}; Path=/`),
    )
    return browser
  }

  it('is no option of a template, in this page or the next, neither as a parameter nor as a claim', async () => {
    const code = "x;globalThis.canary='run';//"
    const options: Record<string, string> = {
      outputFunctionName: code,
      escapeFunction: code,
      escape: code,
      destructuredLocals: code,
      localsName: code,
      client: 'true',
      cache: 'false',
      debug: 'true',
      compileDebug: 'true',
      delimiter: '$',
      openDelimiter: '[',
      closeDelimiter: ']',
      strict: 'true',
      async: 'true',
      rmWhitespace: 'true',
      _with: 'false',
      filename: '/etc/passwd',
      root: '/etc',
      views: '/etc',
      layout: '/etc/passwd',
      page: 'x',
      t: 'x',
      lang: 'x',
      body: '<canary>',
    }
    const pairs = Object.entries(options).flatMap(([name, value]): [string, string][] => [
      [name, value],
      [`settings[${name}]`, value],
      [`settings[view options][${name}]`, value],
      [`__proto__[${name}]`, value],
      [`constructor[prototype][${name}]`, value],
      [`_locals[${name}]`, value],
      [`locals.${name}`, value],
    ])
    const injected = new URLSearchParams(pairs)
    const bystander = openBrowser()
    const seen = await arrive(product, bystander, 'consent', stranger(product))
    const claims = Object.fromEntries(pairs.filter(([name]) => name !== 'page'))
    const person = stranger(product, { ...claims, settings: { 'view options': options, views: '/etc' } })
    const browser = openBrowser()
    const prompt = await arrive(product, browser, 'username', person)

    // Eight kilobytes at a time, as far as an address goes.
    for (let start = 0; start < pairs.length; start += 50) {
      const query = new URLSearchParams(pairs.slice(start, start + 50))
      const again = await browser.open(`${prompt.url}&${query}`)
      assert.equal(withoutToken(again.html), withoutToken(prompt.html))
    }
    const form = fillRegister(prompt, 'a b').submission('Create account')
    const plain = await send(browser, form)
    const plainHtml = withoutToken(await plain.text())
    for (let start = 0; start < pairs.length; start += 150) {
      const fields = new URLSearchParams([...form.fields, ...pairs.slice(start, start + 150)])
      const problem = await send(browser, form, { fields })
      assert.equal(problem.status, 422)
      assert.equal(withoutToken(await problem.text()), plainHtml)
    }
    for (const path of ['/nothing', `${LOGIN}`, '/commonauth', '/oauth2/authorize']) {
      const html = await (await browser.fetch(`${product.url}${path}?${injected.toString().slice(0, 9_000)}`)).text()
      assert.doesNotMatch(html, /canary|root:/, path)
    }
    assert.equal(
      withoutToken((await bystander.open(seen.url)).html),
      withoutToken(seen.html),
      'nor in the page of another',
    )
    assert.equal((globalThis as Record<string, unknown>)['canary'], undefined, 'and ran nowhere')
    const done = await fillRegister(prompt.untick('recover:email'), person.preferred_username).press('Create account')
    signedInAt(product.application, done)
  })

  it('is a member of no other object, however it is named, in queries, forms, JSON and claims', async () => {
    const polluted = () => {
      const plain: Record<string, unknown> = {}
      const list = [] as unknown as Record<string, unknown>
      const text = (() => {}) as unknown as Record<string, unknown>
      return [plain['polluted'], list['polluted'], text['polluted'], plain['isLocked'], plain['ending']].filter(Boolean)
    }
    const members = ['polluted', 'isLocked', 'ending', 'toJSON', 'then', 'status', 'length']
    const roads = [
      '__proto__',
      'constructor[prototype]',
      '__proto__[__proto__]',
      'x[__proto__]',
      '__proto__.x',
      'prototype',
    ]
    const pairs = roads.flatMap((road) =>
      members.flatMap((member) => [
        [`${road}[${member}]`, '1'],
        [`${road}.${member}`, '1'],
      ]),
    )
    pairs.push(
      ['__proto__', '1'],
      ['__proto__[]', '1'],
      ['constructor', '1'],
      ['toString', '1'],
      ['hasOwnProperty', '1'],
      ['valueOf', '1'],
    )
    const query = new URLSearchParams(pairs as [string, string][])
    const json =
      '{"__proto__":{"polluted":1,"isLocked":true},"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1}}'

    const browser = openBrowser()
    // The idp says it too, in the ID token and at userinfo.
    product.idp.fault = {
      tamper: (claims, where) =>
        where === 'discovery' ? claims : JSON.parse(JSON.stringify(claims).replace(/\}$/, `,${json.slice(1)}`)),
    }
    const person = stranger(product, {
      address: JSON.parse('{"locality":"Leeds","__proto__":{"country":"X"},"constructor":"Y"}'),
    })
    const prompt = await arrive(product, browser, 'username', person)
    const silent = stranger(product, { address: person['address'] })
    const page = await arrive(product, openBrowser(), 'silent', silent)
    product.idp.fault = {}
    signedInAt(product.application, page)
    const { attributes } = await knownPerson(product, silent.sub)
    assert.deepEqual(attributes.find(({ name }) => name === 'address')?.value, { locality: 'Leeds' })

    const long = query.toString().slice(0, 8_000)
    for (const path of [
      REGISTER,
      LOGIN,
      '/commonauth',
      '/commonauth/silent',
      '/oauth2/authorize',
      '/oidc/logout',
      '/x',
    ]) {
      for (const init of [
        {},
        { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: query.toString() },
        { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: json },
      ]) {
        const response = await browser.fetch(`${product.url}${path}?${long}`, init)
        assert.ok(response.status < 500, `${init.method ?? 'GET'} ${path}: ${response.status}`)
      }
    }
    const form = fillRegister(prompt, person.preferred_username).submission('Create account')
    const fields = new URLSearchParams([...form.fields, ...pairs] as [string, string][])
    const response = await send(browser, form, { fields, url: `${form.url}?${long}` })
    assert.equal(response.status, 303, await response.text())
    assert.deepEqual(polluted(), [])
    assert.equal((await knownPerson(product, person.sub)).user.username, person.preferred_username)
    const other = stranger(product)
    const next = await arrive(product, openBrowser(), 'consent', other)
    signedInAt(product.application, await next.tick('recover:email').press('Create account'))
  })

  it('as a needed address is one address or a problem at its field, and nobody is made of two', async () => {
    const person = stranger(product, { email: undefined, email_verified: undefined })
    const browser = openBrowser()
    const prompt = await arrive(product, browser, 'consent', person)
    const form = prompt.tick('recover:email').fill({ 'attribute.email': 'x' }).submission('Create account')
    const people = await countPeople(product)
    for (const typed of NOT_ONE_ADDRESS.filter((_, index) => index % 6 === 0)) {
      await product.rows('DELETE FROM brakes')
      form.fields.set('attribute.email', typed)
      const response = await send(browser, form)
      assert.equal(response.status, 422, typed)
      const [code, ...others] = new Set(messagesOf(await response.text()))
      assert.match(code ?? '', /^ATTR_(EMAIL|FORMAT)$/, typed)
      assert.deepEqual(others, [], typed)
    }
    assert.deepEqual(await countPeople(product), people)
    form.fields.set('attribute.email', ' asha@bücher.example ')
    assert.equal((await send(browser, form)).status, 303)
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(attributes, [
      { name: 'email', value: 'asha@xn--bcher-kva.example', verified: false, origin: 'person', idp: null },
    ])
  })

  it('as a needed value is kept letter for letter, whatever it would be to a database, a template or a spreadsheet', async () => {
    const needed = {
      id: 'greet',
      purpose: 'Greet you',
      description: 'By name',
      piiCategories: [{ name: 'given_name', mandatory: true }],
    }
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes: [needed] }),
      async () => {
        const kept = [
          `'); DROP TABLE users; --`,
          '*)(uid=*))(|(uid=*',
          '<script>canary()</script>"><img src=x onerror=canary()>',
          `<%= 7*7 %>\${7*7}{{7*7}}#{7*7}`,
          '%s%n%x $(id) `id` ; rm -rf /',
          '=HYPERLINK("https://evil.example","x")',
          '@SUM(1+1)*cmd|A1',
          '{app} {name} $& $1',
          'A\u030Aström \u202Ex\u202C 😀',
        ]
        for (const typed of kept) {
          const person = stranger(product)
          const browser = openBrowser()
          const prompt = await arrive(product, browser, 'consent', person)
          const answers = prompt.fill({ 'attribute.given_name': typed })
          const shown = await answers.press('Create account')
          assert.equal(shown.status, 422, 'the tick is missing')
          assert.equal(shown.submission('Create account').fields.get('attribute.given_name'), typed)
          assert.doesNotMatch(shown.html, /<script>|<img src=x/)
          signedInAt(product.application, await shown.tick('greet:given_name').press('Create account'))
          const { attributes } = await knownPerson(product, person.sub)
          assert.deepEqual(
            attributes.map(({ name, value }) => [name, value]),
            [['given_name', typed]],
          )
        }
      },
    )
    // The tables are still there, and so is everybody.
    const prompt = await arrive(product, openBrowser(), 'username', stranger(product))
    assert.equal((await prompt.fill({ password: PASSWORD }).press('Do not create an account')).status, 200)
  })
})
