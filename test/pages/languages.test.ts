// Pages in the language of the person: asked for, kept on the way through the idp, chosen by hand, and recorded as shown.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser, type Page } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, PURPOSES, startProduct } from '../support/product.ts'
import { send } from '../support/road.ts'
import { codesOn, countPeople, flowIdOf, knownPerson, newcomer, signedIn, storedPerson } from '../support/visits.ts'

const EMAIL = 'recover:email'
const GERMAN = {
  purpose: 'Ihr Konto wiederherstellen',
  description: 'Damit wir Ihnen helfen können, wenn Sie Ihr Passwort verlieren',
}

describe('languages', () => {
  let product: Product
  before(async () => {
    product = await startProduct({
      modes: ['consent', 'username', 'password'],
      change: (declared) => ({
        ...declared,
        attributes: [
          {
            name: 'department',
            displayName: 'Department',
            type: 'string',
            translations: { de: 'Abteilung', fr: 'Service' },
          },
        ],
        purposes: PURPOSES.map((one) => (one.id === 'recover' ? { ...one, translations: { de: GERMAN } } : one)),
      }),
    })
  })
  after(() => product.stop())

  const speaking = (language: string) => openBrowser({ headers: { 'Accept-Language': language } })
  const languageOf = (page: Page) =>
    [
      /<html lang="([^"]+)" dir="([^"]+)">/.exec(page.html)?.slice(1).join(' '),
      page.headers.get('content-language'),
    ].join(', ')

  /** The page that an idp of this mode leads to, whatever login.do is called in. */
  async function arrived(
    mode: 'consent' | 'username' | 'password',
    person = newcomer(),
    browser = openBrowser(),
    query: Record<string, string> = {},
  ): Promise<Page> {
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    const login = await browser.open(`${product.application.url}/login?${new URLSearchParams(query)}`)
    return browser.open(`${login.url}&idp=${mode}`)
  }

  describe('every page is in the language of the browser', () => {
    const spoken: Record<string, string> = {
      'en-GB,en;q=0.9': 'en ltr, en',
      'de-AT,de;q=0.9,en;q=0.8': 'de ltr, de',
      'ar-EG': 'ar rtl, ar',
    }
    for (const [said, is] of Object.entries(spoken)) {
      it(said, async () => {
        const browser = speaking(said)
        const pages: Record<string, Page> = {}
        const login = await browser.open(`${product.application.url}/login`)
        pages['the choice of an idp'] = login
        pages['a prompt'] = await arrived('username', newcomer(), browser)
        pages['a wrong answer'] = await pages['a prompt'].press('create')
        const stopped = openBrowser({ headers: { 'Accept-Language': said }, followRefresh: false })
        pages.declined = await (await arrived('consent', newcomer(), stopped)).press('decline')
        const back = await arrived('consent', newcomer(), stopped)
        pages['the way out'] = await back.tick(EMAIL).press('create')
        pages.lost = await browser.open(
          `${product.url}/accountrecoveryendpoint/signup.do?sessionDataKey=${'A'.repeat(24)}`,
        )
        pages['404'] = await browser.open(`${product.url}/nothing`)
        pages['405'] = await browser.open(`${product.url}/accountrecoveryendpoint/stay`)
        pages['an unknown application'] = await browser.open(`${product.url}/oauth2/authorize?client_id=nobody`)
        pages['signed out'] = await browser.open(`${product.url}/oidc/logout`)
        await (await arrived('consent', newcomer(), browser)).tick(EMAIL).press('create')
        pages['sign out?'] = await browser.open(`${product.application.url}/logout`)
        for (const [name, page] of Object.entries(pages)) {
          assert.equal(languageOf(page), is, name)
          assert.equal(page.headers.get('vary')?.toLowerCase(), 'accept-language, cookie', name)
          assert.equal(page.headers.get('cache-control'), 'no-store', name)
        }
        assert.equal(pages.declined.status, 200)
        assert.match(pages['the way out'].html, /data-part="leaving"/)
        assert.deepEqual(
          [pages['404'].status, pages['405'].status, pages['an unknown application'].status],
          [404, 405, 400],
        )
      })
    }

    it('a form that is refused too', async () => {
      for (const [type, body, status] of [
        ['text/plain', 'a=b', 415],
        ['application/x-www-form-urlencoded', 'a'.repeat(200_000), 413],
        ['application/x-www-form-urlencoded', 'sessionDataKey=x', 404],
      ] as const) {
        const headers = { 'Content-Type': type, 'Accept-Language': 'de' }
        const answer = await openBrowser().fetch(`${product.url}/accountrecoveryendpoint/signup.do`, {
          method: 'POST',
          headers,
          body,
        })
        assert.deepEqual([answer.status, answer.headers.get('content-language')], [status, 'de'])
        assert.match(await answer.text(), /<html lang="de"/)
      }
    })
  })

  describe('what the application asks for', () => {
    it('is told to be understood', async () => {
      const answer = await openBrowser().fetch(`${product.url}/.well-known/openid-configuration`)
      const { ui_locales_supported: supported } = (await answer.json()) as { ui_locales_supported: string[] }
      assert.deepEqual(supported, ['en', 'ar', 'de'])
    })

    it('holds from the choice to the way out, through the idp, and is what is recorded', async () => {
      const person = newcomer()
      const browser = openBrowser({ headers: { 'Accept-Language': 'ar' }, followRefresh: false })
      const login = await browser.open(`${product.application.url}/login?ui_locales=fr+de-AT+en`)
      assert.equal(languageOf(login), 'de ltr, de')
      const page = await arrived('consent', person, browser, { ui_locales: 'fr de-AT en' })
      assert.equal(languageOf(page), 'de ltr, de')
      assert.match(page.text, /Wählen Sie, was Northwind speichern darf/)
      const again = await page.press('create')
      assert.equal(languageOf(again), 'de ltr, de')
      assert.deepEqual(codesOn(again), ['CONSENT_NEEDED', 'CONSENT_NEEDED'])
      const out = await again.tick(EMAIL).press('create')
      assert.equal(languageOf(out), 'de ltr, de')
      const { consents } = await knownPerson(product, person.sub)
      assert.deepEqual([...new Set(consents.map(({ language }) => language))], ['de'])
      const [{ notice }] = consents as unknown as [
        { notice: { language: string; purposes: Record<string, unknown>[] } },
      ]
      assert.equal(notice.language, 'de')
      const [recover, office] = notice.purposes
      assert.deepEqual(
        [recover?.purpose, recover?.description, recover?.language],
        [GERMAN.purpose, GERMAN.description, undefined],
      )
      assert.deepEqual(recover?.piiCategories, [
        { name: 'email', label: 'E-Mail-Adresse', mandatory: true },
        { name: 'phone_number', label: 'Mobilnummer', mandatory: false },
      ])
      // Shown in English, and recorded so.
      assert.deepEqual([office?.purpose, office?.language], ['Show you the right office', 'en'])
      assert.deepEqual(office?.piiCategories, [{ name: 'department', label: 'Abteilung', mandatory: false }])
    })

    it('holds when the page has expired and is begun again', async () => {
      const browser = openBrowser()
      const page = await arrived('consent', newcomer(), browser, { ui_locales: 'de' })
      const { now } = product.clock
      product.clock.now = new Date(now.getTime() + 31 * 60_000)
      try {
        const expired = await browser.open(page.url)
        assert.deepEqual([expired.status, languageOf(expired)], [410, 'de ltr, de'])
        const again = await expired.click('Mit Acme consent neu beginnen')
        assert.deepEqual([again.status, languageOf(again)], [200, 'de ltr, de'])
        assert.notEqual(flowIdOf(again), flowIdOf(page))
      } finally {
        product.clock.now = now
      }
    })

    it("is nobody else's business: another browser hears its own language at the same address", async () => {
      const page = await arrived('consent', newcomer(), openBrowser(), { ui_locales: 'de' })
      assert.equal(languageOf(await speaking('ar').open(page.url)), 'ar rtl, ar')
    })

    it("holds for the OpenID Provider's own pages", async () => {
      const browser = openBrowser()
      await (await arrived('consent', newcomer(), browser)).tick(EMAIL).press('create')
      signedIn(product.application)
      const asked = await browser.open(`${product.url}/oidc/logout?ui_locales=de-CH`)
      assert.equal(languageOf(asked), 'de ltr, de')
      const signedOut = await asked.press('Abmelden')
      assert.match(signedOut.text, /Sie sind abgemeldet/)
      assert.equal(languageOf(await browser.open(`${product.url}/oidc/logout?ui_locales=ar`)), 'ar rtl, ar')
      assert.equal(
        languageOf(await browser.open(`${product.url}/oauth2/authorize?client_id=nobody&ui_locales=ar`)),
        'ar rtl, ar',
      )
    })

    it('and is unknown, wrong or huge changes nothing', async () => {
      for (const wished of ['fr', '../../etc/passwd', '__proto__', 'x'.repeat(4000), 'de,ar']) {
        const page = await arrived('consent', newcomer(), openBrowser(), { ui_locales: wished })
        assert.deepEqual([page.status, languageOf(page)], [200, 'en ltr, en'], wished.slice(0, 20))
      }
    })

    it('is nothing in a flow of an earlier version, which the browser decides', async () => {
      const browser = speaking('ar')
      const page = await arrived('consent', newcomer(), browser, { ui_locales: 'de' })
      await product.rows('UPDATE flows SET language = NULL WHERE id = $1', [flowIdOf(page)])
      assert.equal(languageOf(await browser.open(page.url)), 'ar rtl, ar')
    })
  })

  describe('the switcher of a form', () => {
    it('keeps what was typed and ticked, creates nobody, and holds from then on', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const page = await arrived('username', person, browser, { ui_locales: 'ar' })
      const people = await countPeople(product)
      const name = `own-${person.preferred_username}`
      const german = await page.fill({ username: name, password: PASSWORD }).tick(EMAIL).press('Deutsch')
      assert.deepEqual([german.status, languageOf(german), codesOn(german)], [200, 'de ltr, de', []])
      assert.deepEqual(await countPeople(product), people)
      assert.match(german.html, new RegExp(`id="username"[^>]* value="${name}"`))
      assert.match(german.html, /value="recover:email"[^>]* checked>/)
      assert.equal(german.html.match(/ checked>/g)?.length, 1)
      assert.ok(!german.html.includes(PASSWORD))
      assert.match(german.text, /Geben Sie Ihr Passwort noch einmal ein/)
      const done = await german.fill({ password: PASSWORD }).press('Konto erstellen')
      assert.ok(done.url.startsWith(product.application.redirectUri), done.text)
      const { user, consents } = await knownPerson(product, person.sub)
      assert.equal(user.username, name)
      assert.deepEqual([...new Set(consents.map(({ language }) => language))], ['de'])
      assert.equal(
        languageOf(await arrived('username', newcomer(), browser, { ui_locales: 'ar', prompt: 'login' })),
        'de ltr, de',
      )
    })

    it('leaves a first view a first view: nothing is wrong, and no password is asked for again', async () => {
      const page = await (await arrived('password')).press('Deutsch')
      assert.deepEqual([page.status, codesOn(page)], [200, []])
      assert.doesNotMatch(page.text, /noch einmal/)
      assert.doesNotMatch(page.html, / checked>/)
    })

    it('still says that the suggested name is taken', async () => {
      const taken = newcomer()
      await (await arrived('username', taken)).fill({ password: PASSWORD }).tick(EMAIL).press('create')
      const other = newcomer({ preferred_username: taken.preferred_username })
      const page = await (await arrived('username', other)).press('Deutsch')
      assert.deepEqual(codesOn(page), ['USERNAME_TAKEN'])
      assert.match(page.text, /ist vergeben\. Wählen Sie einen anderen/)
    })

    it('never creates anybody, even when it asks for a language that is gone', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const page = await arrived('consent', person, browser)
      const form = page.tick(EMAIL).submission('Deutsch')
      for (const language of ['fr', '', '../de', '__proto__']) {
        form.fields.set('language', language)
        const answer = await send(browser, form)
        assert.deepEqual(
          [answer.status, answer.headers.get('content-language'), answer.headers.getSetCookie()],
          [200, 'en', []],
        )
      }
      assert.equal(await storedPerson(product, person.sub), undefined)
    })

    it('in another tab: nobody agrees to words in another language than those that they read', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const english = await arrived('consent', person, browser)
      await (await browser.open(english.url)).press('Deutsch')
      const again = await english.tick(EMAIL).press('Create account')
      assert.deepEqual([again.status, languageOf(again), codesOn(again)], [422, 'de ltr, de', ['CHANGED']])
      assert.match(again.html, /value="recover:email"[^>]* checked>/)
      assert.equal(await storedPerson(product, person.sub), undefined)
      await again.press('Konto erstellen')
      assert.deepEqual(
        [...new Set((await knownPerson(product, person.sub)).consents.map((one) => one.language))],
        ['de'],
      )
    })

    it('on login.do keeps the typed name and tries nothing', async () => {
      const browser = openBrowser()
      const login = await browser.open(`${product.application.url}/login`)
      const german = await login.fill({ username: 'asha', password: 'a wrong password' }).press('Deutsch')
      assert.deepEqual([german.status, languageOf(german), codesOn(german)], [200, 'de ltr, de', []])
      assert.match(german.html, /id="username"[^>]* value="asha"/)
    })

    it('needs the token of the form', async () => {
      const browser = openBrowser()
      const form = (await arrived('consent', newcomer(), browser)).submission('Deutsch')
      form.fields.delete('_csrf')
      const answer = await send(browser, form)
      assert.deepEqual([answer.status, answer.headers.getSetCookie()], [403, []])
    })
  })

  describe('the switcher of other pages', () => {
    it('is a link to the same page, and holds from then on', async () => {
      const browser = openBrowser()
      const page = await browser.open(`${product.url}/nothing?a=%2F&b=1+2`)
      const german = await page.click('Deutsch')
      assert.deepEqual([german.status, german.url, languageOf(german)], [404, page.url, 'de ltr, de'])
      assert.equal(languageOf(await browser.open(`${product.url}/other`)), 'de ltr, de')
      const arabic = await german.click('العربية')
      assert.equal(languageOf(arabic), 'ar rtl, ar')
      assert.equal(languageOf(await arabic.click('English')), 'en ltr, en')
    })

    it('sets a cookie for half a year that holds no secret, and answers 303', async () => {
      const answer = await openBrowser().fetch(`${product.url}/nothing?language=de&a=1`)
      assert.equal(answer.status, 303)
      assert.equal(answer.headers.get('location'), `${product.url}/nothing?a=1`)
      const cookie = 'vestibule.language=de; Max-Age=15552000; Path=/; HttpOnly; SameSite=Lax'
      assert.deepEqual(answer.headers.getSetCookie(), [cookie])
    })

    it('on a page that says how a sign-in ended leads back to that', async () => {
      const browser = openBrowser({ followRefresh: false })
      const declined = await (await arrived('consent', newcomer(), browser)).press('decline')
      const german = await declined.click('Deutsch')
      assert.match(german.text, /Wir haben kein Konto erstellt/)
      assert.match((await german.click('Zurück zu Travel')).url, /error=access_denied/)
    })

    it('on the page of a sign-in that failed leads to what is said of it, and repeats nothing that the idp said', async () => {
      const browser = openBrowser()
      product.idp.fault = { tamper: (claims: Record<string, unknown>) => ({ ...claims, nonce: 'another' }) }
      const failed = await arrived('consent', newcomer(), browser)
      product.idp.fault = {}
      assert.deepEqual([failed.status, codesOn(failed)], [502, ['IDP']])
      const german = await failed.click('Deutsch')
      assert.match(german.text, /Acme consent hat die Anmeldung nicht abgeschlossen/)
      for (const [query, code] of [
        ['state=unknown&code=c', 'BAD_CALLBACK'],
        ['code=c', 'BAD_REQUEST'],
      ]) {
        const lost = await openBrowser().open(`${product.url}/commonauth/consent?${query}`)
        assert.doesNotMatch(lost.html, /unknown|code=/)
        assert.deepEqual([codesOn(lost), codesOn(await lost.click('Deutsch'))], [[code], [code]])
      }
    })

    it('on the way out of a session keeps what the application asked', async () => {
      const browser = openBrowser()
      await (await arrived('consent', newcomer(), browser)).tick(EMAIL).press('create')
      const asked = await browser.open(`${product.application.url}/logout`)
      const german = await asked.click('Deutsch')
      assert.match(german.text, /Von Travel abmelden\?/)
      assert.equal((await german.press('Abmelden')).url, `${product.application.url}/bye`)
    })

    it('leads nowhere else, whatever the address says', async () => {
      for (const target of [
        '//evil.example/',
        '/\\evil.example/',
        '///evil.example',
        '/.//evil.example/',
        '/%2f%2fevil.example/',
        '/a//evil.example',
      ]) {
        const answer = await openBrowser().fetch(`${product.url}${target}?language=de`)
        const location = answer.headers.get('location')
        if (location !== null) assert.equal(new URL(location, product.url).origin, product.url, target)
        else assert.doesNotMatch(await answer.text(), /href="(?:https?:)?[/\\]{2}evil/)
      }
    })

    it('goes round in no circle, and leaves alone what it does not know', async () => {
      for (const query of [
        'language=fr',
        'language=',
        'language',
        '%6canguage=de',
        'LANGUAGE=de',
        'language[]=de',
        'language=__proto__',
      ]) {
        const answer = await openBrowser().fetch(`${product.url}/nothing?${query}`)
        assert.deepEqual([answer.status, answer.headers.getSetCookie()], [404, []], query)
      }
      const twice = await openBrowser().open(`${product.url}/nothing?language=ar&language=de`)
      assert.deepEqual([twice.url, languageOf(twice)], [`${product.url}/nothing`, 'de ltr, de'])
    })

    it('is not for others: a link from elsewhere chooses nothing, and a parameter of that name stays', async () => {
      for (const site of ['cross-site', 'same-site']) {
        const headers = { 'Sec-Fetch-Site': site }
        const answer = await openBrowser().fetch(`${product.url}/nothing?language=de`, { headers })
        assert.deepEqual(
          [answer.status, answer.headers.getSetCookie(), answer.headers.get('content-language')],
          [404, [], 'en'],
        )
      }
    })
  })

  it('a purpose without words in the language of the page is in English, and says so', async () => {
    const page = await arrived('consent', newcomer(), speaking('ar'))
    assert.match(page.html, /<legend><bdi lang="en">Recover your account<\/bdi><\/legend>/)
    assert.match(page.html, /<label for="consent-office-department"><bdi lang="en">Department<\/bdi><\/label>/)
    const english = await arrived('consent', newcomer(), speaking('en-GB'))
    assert.match(english.html, /<legend>Recover your account<\/legend>/)
    const german = await arrived('consent', newcomer(), speaking('de-AT'))
    assert.match(german.html, /<legend>Ihr Konto wiederherstellen<\/legend>/)
    assert.match(german.html, /<legend><bdi lang="en">Show you the right office<\/bdi><\/legend>/)
    assert.match(german.html, /<label for="consent-office-department">Abteilung<\/label>/)
  })

  it('what is translated into a language that no page is in is a warning at the start', () => {
    const [line = ''] = product.log.filter((one) => one.includes('translations that nobody sees'))
    assert.deepEqual(JSON.parse(line).languages, ['fr'])
  })
})
