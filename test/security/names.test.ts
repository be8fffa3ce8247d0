// A name that is typed or claimed is itself, letter for letter, or is refused: it never passes for another, and never breaks anything (S124 to S131).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Declared } from '../../src/declared.ts'
import { readUsername } from '../../src/provisioning/username.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, send, signedInAt, stranger } from '../support/road.ts'
import { codesOn, countPeople, hashOfUser, knownPerson, meanwhile, newcomer } from '../support/visits.ts'

/** What the rules say of a name: ok with its canonical form, or the code of the problem. */
function judged(name: string): string {
  const reading = readUsername(name)
  return reading.kind === 'ok' ? reading.canonical : reading.problem.code
}

function found(name: string): string {
  const reading = readUsername(name)
  return reading.kind === 'problem' && reading.problem.code === 'USERNAME_CHARS' ? reading.problem.found : ''
}

describe('a name', () => {
  it('is one name in every case, width and composition, and another with another letter', () => {
    const alice = ['Alice', 'alice', 'ALICE', 'aLiCe', 'Ａｌｉｃｅ', 'ＡＬＩＣＥ', 'ＡlｉCe']
    for (const name of alice) assert.equal(judged(name), 'alice', name)
    const kelvin = [
      'Kélvin',
      'kélvin',
      'KÉLVIN',
      'Ke\u0301lvin',
      '\u212Aélvin',
      '\u212AE\u0301LVIN',
      'ｋｅ\u0301ｌｖｉｎ',
    ]
    for (const name of kelvin) assert.equal(judged(name), 'kélvin', name)
    // PRECIS folds neither: people who write them know two letters.
    assert.equal(judged('straße'), 'straße')
    assert.equal(judged('STRAẞE'), 'straße')
    assert.equal(judged('strasse'), 'strasse')
    assert.equal(judged('yıldız'), 'yıldız')
    for (const longS of ['ſasha', 'aliſe', 'ﬁona', 'aﬀe']) assert.equal(judged(longS), 'USERNAME_CHARS', longS)
  })

  // biome-ignore format: one kind of disguise, one line
  const disguises: Record<string, string[]> = {
    'letters of another script': [
      'pаypal', 'раypal', 'аdmin', 'аlice', 'ashа', 'АSHA', 'αlice', 'alicε', 'Οlga', 'оlga', 'ӏsha', 'aꓲice', 'սasha', 'օlga', 'aշha', 'ᎪSHA', 'ꭰmy', 'ⲟlga', 'as\u05D0ha', 'a\u0627sh',
      'аσα', 'Ольгα', 'ольгa', 'ひらがнa', '日本한글カ', '日ㄅカ', '한글カナ', 'ßeтa', 'ნino', 'asha४', 'asha৪', 'asha٤',
    ],
    'digits of two kinds': ['अ8४', 'বাং8৪', 'سلا1۲', 'ไทย1๑'],
    'what nobody sees': [
      'as\u200Bha', 'as\u200Cha', 'as\u200Dha', 'as\u2060ha', '\uFEFFasha', 'asha\u00AD', 'as\u034Fha', 'as\u115Fha', 'as\u3164ha', 'as\uFFA0ha', 'as\u180Eha', 'as\u17B4ha', 'as\u061Cha',
      'as\u2800ha', 'as\u{1D173}ha',
    ],
    'orders to turn around': ['\u202Eahsa', 'as\u202Aha', 'as\u202Dha', 'as\u2066ha\u2069', 'as\u200Eha', 'as\u200Fha', 'asha\u202C', 'asha\u206F'],
    'variation selectors and tags': ['a\uFE00sha', 'asha\uFE0F', 'as\u{E0100}ha', 'as\u{E01EF}ha', '\u{E0061}\u{E0064}min', 'asha\u{E0001}', 'asha\u{E007F}', 'as\u180Bha'],
    'marks that hide or pile up': [
      'admi\u0307n', 'j\u0307oe', 'İstanbul', '\u0301asha', 'asha\u0301\u0301', 'l\u0335ena', 'o\u0338laf', 'as\u0336ha', 'as\u0489ha', 'as\u20E3ha', `a${'\u0301\u0300'.repeat(5)}sha`, 'z\u0317\u0318\u0319\u031A\u031Ca',
    ],
    'letters for phonetic notation': ['ɑsha', 'goɡle', 'ᴄᴏᴠ', 'ǃasha', 'ǀsha', 'ashaː', 'ꜱasha', 'ʟena'],
    'strokes that are taken for punctuation': ['staffノasha', 'asha一rao', 'ashaーrao', 'ashaソ', 'g〇〇gle', 'a丶b丨c', 'ーーー'],
    'other shapes of letters': ['𝐚𝐬𝐡𝐚', '𝒶𝓈𝒽𝒶', 'ⓐⓢⓗⓐ', '🄰🅂🄷🄰', 'ₐₛₕₐ', 'ᵃˢʰᵃ', 'Ⅳan', 'asha²', '½sha', '㎏asha', 'ﷺsha', '🇦🇸🇭🇦'],
    'signs that look like those that are allowed': ['asha‚rao', 'asha․rao', 'asha‐rao', 'asha–rao', 'asha⁃rao', 'asha∙rao', 'asha·rao', 'ashaʹrao', 'asha＼rao', 'asha∕rao', 'asha⁄rao', 'asha⧸rao'],
  }
  for (const [kind, names] of Object.entries(disguises)) {
    it(`does not pass for another by ${kind}`, () => {
      for (const name of names) {
        const codes = [...name].map((point) => point.codePointAt(0)?.toString(16)).join(' ')
        assert.equal(judged(name), 'USERNAME_CHARS', `${name} (${codes})`)
      }
    })
  }

  it('is told which of its letters could be another, by number, as it was typed', () => {
    assert.equal(found('pаypal'), 'а (U+0430)')
    assert.equal(found('АSHA'), 'А (U+0410)')
    assert.equal(found('İstanbul'), 'İ (U+0130)')
    assert.equal(found('admi\u0307n'), 'U+0307')
    assert.equal(found('Ольга-rao'), 'r (U+0072) a (U+0061) o (U+006F)')
    assert.equal(found('goɡle'), 'ɡ (U+0261)')
  })

  it('may have letters of any script, and of those that are written together', () => {
    const names = [
      ...['Ünï.Ä-name', 'Nguyễn-Văn', 'łódź', 'đặng', 'Ŋɛɔ', 'ʻokina', 'oʼbrien', 'ıspanak', 'fußball', 'Ａśhā'],
      ...['Ольга', 'ғұлама', 'Ђорђе', 'Їжак', 'Ὀδυσσεύς', 'Հայկ', 'ნინო', 'አማርኛ', 'ᏣᎳᎩ', '𐐔𐐯𐑅𐐨𐑉𐐯𐐻'],
      ...[
        'שלום',
        'עִבְרִית',
        'سلام۱۲',
        'العربية',
        'ދިވެހި',
        'नमस्ते',
        'अ१२',
        'বাংলা',
        'ਪੰਜਾਬੀ',
        'ગુજરાતી',
        'ଓଡ଼ିଆ',
        'நன்றி',
        'తెలుగు',
        'ಕನ್ನಡ',
        'മലയാളം',
        'සිංහල',
      ],
      ...['สวัสดี', 'ภาษาไทย๑', 'ພາສາລາວ', 'བོད་ཡིག', 'မြန်မာ', 'ភាសា'],
      ...[
        '田中太郎',
        '一ノ瀬',
        '東京タワー',
        'タワー2号',
        'asha東京',
        'ashaカタひら',
        '中〇中',
        'ㄅㄆㄇ',
        'asha中ㄅ',
        '한글이름',
        'asha한글漢',
      ],
    ]
    for (const name of names) assert.ok(readUsername(name).kind === 'ok', `${name}: ${judged(name)} ${found(name)}`)
  })

  it('is never one that passes for the house, in any case or width', () => {
    const reserved = [
      ...['admin', 'administrator', 'root', 'system', 'api', 'null', 'undefined', 'support', 'postmaster'],
      ...['abuse', 'anonymous', 'everyone', 'hostmaster', 'mailer-daemon', 'nobody', 'noreply', 'no-reply', 'operator'],
      ...['security', 'superuser', 'sysadmin', 'webmaster', 'scim'],
      ...['PRIMARY', 'INTERNAL', 'APPLICATION', 'WORKFLOW'],
      ...[
        'myaccount',
        'console',
        'setup',
        'login',
        'logout',
        'register',
        'signup',
        'oauth2',
        'oidc',
        'scim2',
        'public',
      ],
      ...['commonauth', 'authenticationendpoint', 'accountrecoveryendpoint', 'livez', 'readyz', 'metrics'],
    ]
    for (const name of reserved) {
      const capitals = name.toUpperCase()
      const wide = capitals.replace(/[!-~]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0))
      for (const spelled of [name.toLowerCase(), capitals, name.charAt(0) + capitals.slice(1), wide]) {
        assert.equal(judged(spelled), 'USERNAME_RESERVED', spelled)
      }
    }
    for (const short of ['me', 'Me', '.', '..']) assert.equal(judged(short), 'USERNAME_SHORT', short)
    for (const path of ['../', './.', 'a/..']) assert.equal(judged(path), 'USERNAME_NO_PREFIX', path)
    for (const free of ['consoles', 'mylogin', 'primary.school', 'apiary']) assert.equal(judged(free), free)
  })
})

describe('a name on its way to a user', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'username'] })
  })
  after(() => product.stop())

  const unique = () => stranger(product).preferred_username

  /** A prompt of somebody new, in a browser of their own. */
  async function prompted(claims: Record<string, unknown> = {}) {
    const browser = openBrowser()
    const person = stranger(product, claims)
    return { browser, person, prompt: await arrive(product, browser, 'username', person) }
  }

  /** Posts the prompt with this name; whoever tries a hundred of them may be told to wait, which is not the matter here. */
  async function post(browser: Browser, prompt: Page, name: string): Promise<{ status: number; codes: string[] }> {
    await product.rows('DELETE FROM brakes')
    const form = fillRegister(prompt, name).submission('Create account')
    prompt.untick('recover:email')
    const response = await send(browser, form)
    const html = await response.text()
    assert.ok(!html.includes('<canary'), name)
    return { status: response.status, codes: [...new Set(codesOn({ html } as Page))] }
  }

  it('that could be taken for one that is there is refused, typed or claimed, and its owner stays as they were', async () => {
    const owner = await prompted()
    const name = `pay.pal-${unique()}`
    signedInAt(product.application, await fillRegister(owner.prompt, name).press('Create account'))
    const { user } = await knownPerson(product, owner.person.sub)
    const [hash, people] = [await hashOfUser(product, user.id), await countPeople(product)]
    const doubles = [
      name.replace('a', 'а'),
      name.replace('p', 'р'),
      name.replace('.', '․'),
      name.replace('a', 'ɑ'),
      name.replace('y', 'y\u200B'),
      name.replace('y', 'y\u{E0061}'),
      name.replace('l', 'l\u0335'),
      `\u202E${name}`,
    ]
    const { browser, prompt, person } = await prompted()
    for (const double of doubles) {
      assert.deepEqual(await post(browser, prompt, double), { status: 422, codes: ['USERNAME_CHARS'] }, double)
      const claimed = stranger(product, { preferred_username: double })
      const refused = await arrive(product, openBrowser(), 'silent', claimed)
      assert.equal(refused.status, 409, double)
      assert.deepEqual(codesOn(refused), ['USERNAME_POLICY'], double)
    }
    assert.deepEqual(await countPeople(product), people)
    assert.equal(await hashOfUser(product, user.id), hash)
    const done = await fillRegister(prompt, person.preferred_username).press('Create account')
    assert.equal(signedInAt(product.application, done).userinfo['preferred_username'], person.preferred_username)
  })

  it('that an idp claims for the house makes nobody', async () => {
    for (const name of ['Console', 'ＡＤＭＩＮ', 'primary', 'me', '..']) {
      const people = await countPeople(product)
      const page = await arrive(product, openBrowser(), 'silent', stranger(product, { preferred_username: name }))
      assert.equal(page.status, 409, name)
      assert.deepEqual(codesOn(page), ['USERNAME_POLICY'], name)
      assert.deepEqual(await countPeople(product), people, name)
    }
  })

  it('has 3 to 50 code points whatever they weigh, is never cut, and is a problem at its field with any other length', async () => {
    const { browser, prompt, person } = await prompted()
    const lengths: [number, string][] = [
      [0, 'USERNAME_EMPTY'],
      [1, 'USERNAME_SHORT'],
      [2, 'USERNAME_SHORT'],
      [51, 'USERNAME_LONG'],
      [255, 'USERNAME_LONG'],
      [256, 'USERNAME_LONG'],
      [10_000, 'USERNAME_LONG'],
    ]
    for (const [length, code] of lengths) {
      for (const letter of ['a', '𐐨']) {
        // Four bytes of a code point are twelve on the wire: the longest is more than a form may have.
        const isTooLarge = encodeURIComponent(letter).length * length > 100_000
        const expected = isTooLarge ? { status: 413, codes: ['TOO_LARGE'] } : { status: 422, codes: [code] }
        assert.deepEqual(await post(browser, prompt, letter.repeat(length)), expected, `${length} times ${letter}`)
      }
    }
    for (const emoji of ['😀', '👩‍👩‍👧‍👦']) {
      const expected = { status: 422, codes: ['USERNAME_CHARS'] }
      assert.deepEqual(await post(browser, prompt, emoji.repeat(3)), expected, emoji)
    }
    signedInAt(product.application, await fillRegister(prompt, person.preferred_username).press('Create account'))

    const id = unique().slice(-10)
    const fit = [
      id.slice(0, 3),
      `${id}${'a'.repeat(20)}`,
      `${id}${'b'.repeat(21)}`,
      `${id}${'中'.repeat(40)}`,
      '𐐨'.repeat(50),
    ]
    for (const name of fit) {
      const newcomer = await prompted()
      const page = await fillRegister(newcomer.prompt, name).press('Create account')
      assert.equal(signedInAt(product.application, page).userinfo['preferred_username'], name)
      const { user } = await knownPerson(product, newcomer.person.sub)
      assert.deepEqual([user.username, user.username_canonical], [name, name])
    }
    const second = await prompted()
    assert.deepEqual(await post(second.browser, second.prompt, '𐐀'.repeat(50)), {
      status: 422,
      codes: ['USERNAME_TAKEN'],
    })
  })

  it('loses the spaces at its ends when it is typed, and is refused with any other thing that nobody sees', async () => {
    const { browser, prompt, person } = await prompted()
    const name = person.preferred_username
    const unseen = [
      '\u00A0',
      '\t',
      '\r\n',
      '\n',
      '\r',
      '\0',
      '\x7F',
      '\x1B',
      '\x85',
      '\u2003',
      '\u2028',
      '\u3000',
      '\u202F',
    ]
    for (const [index, sign] of unseen.entries()) {
      const places = [sign + name, name + sign, `${name.slice(0, 4)}${sign}${name.slice(4)}`, ` ${sign}${name}`]
      for (const typed of [places[index % 4] ?? '', places[(index + 1) % 4] ?? '']) {
        const expected = { status: 422, codes: ['USERNAME_CHARS'] }
        assert.deepEqual(await post(browser, prompt, typed), expected, JSON.stringify(typed))
      }
    }
    const inner = `${name.slice(0, 4)} ${name.slice(4)}`
    assert.deepEqual(await post(browser, prompt, inner), { status: 422, codes: ['USERNAME_CHARS'] })
    for (const claimed of [` ${name}`, `${name} `, `${name}\n`, inner]) {
      const page = await arrive(product, openBrowser(), 'silent', stranger(product, { preferred_username: claimed }))
      assert.equal(page.status, 409, 'what an idp claims loses nothing')
      assert.deepEqual(codesOn(page), ['USERNAME_POLICY'], JSON.stringify(claimed))
    }
    assert.equal((await post(browser, prompt, `   ${name}  `)).status, 303)
    assert.equal((await knownPerson(product, person.sub)).user.username, name)
  })

  it('is refused in a claim with anything that nobody sees, wherever it stands', async () => {
    for (const sign of ['\u00A0', '\t', '\r', '\x7F', '\u200B', '\u202E', '\uFE0F', '\u{E0061}', '\u0338']) {
      const { preferred_username: name } = newcomer()
      for (const claimed of [sign + name, name + sign, `${name.slice(0, 4)}${sign}${name.slice(4)}`]) {
        const page = await arrive(product, openBrowser(), 'silent', stranger(product, { preferred_username: claimed }))
        assert.equal(page.status, 409, JSON.stringify(claimed))
        assert.deepEqual(codesOn(page), ['USERNAME_POLICY'], JSON.stringify(claimed))
      }
    }
  })

  it('is not given to a second person in letters that look the same', async () => {
    const id = unique()
      .replace(/[^0-9]/g, '')
      .slice(0, 6)
    // Written by people who came first, and what others try to get beside it.
    const table: [first: string, doubles: string[]][] = [
      [`ace${id}`, [`асе${id}`, `ACE${id}`, `αсе${id}`]],
      [`paypal${id}`, [`paypaI${id}`, `paypa1${id}`, `PAYPAI${id}`]],
      [`modern${id}`, [`modem${id}`]],
      [`bob${id}o`, [`b0b${id}o`, `bob${id}0`, `BOB${id}O`]],
      [`yildiz${id}`, [`yıldız${id}`]],
      [`тоска${id}`, [`TOCKA${id}`]],
    ]
    for (const [first, doubles] of table) {
      const { prompt } = await prompted()
      signedInAt(product.application, await fillRegister(prompt, first).press('Create account'))
      const second = await prompted()
      for (const double of doubles) {
        const { status, codes } = await post(second.browser, second.prompt, double)
        assert.equal(status, 422, double)
        // Letters of two scripts are refused before anybody is looked for.
        assert.ok(['USERNAME_TAKEN', 'USERNAME_CHARS'].includes(codes[0] ?? ''), `${double}: ${codes}`)
        const silent = stranger(product, { preferred_username: double })
        assert.equal((await arrive(product, openBrowser(), 'silent', silent)).status, 409, double)
      }
    }
  })

  it('is given to two people whose names only a machine would confuse', async () => {
    const id = unique().slice(-5)
    for (const pair of [
      [`straße${id}`, `strasse${id}`],
      [`elias${id}`, `ellas${id}`],
      [`anna1${id}`, `anna2${id}`],
      [`müller${id}`, `muller${id}`],
    ])
      for (const name of pair) {
        const { prompt } = await prompted()
        const page = await fillRegister(prompt, name).press('Create account')
        assert.equal(signedInAt(product.application, page).userinfo['preferred_username'], name)
      }
  })

  it('with the name of a tenant or a store behind an @ is a name of its own, and nobody’s alias', async () => {
    const { preferred_username: name } = newcomer()
    const { prompt } = await prompted()
    const { sub } = signedInAt(product.application, await fillRegister(prompt, name).press('Create account'))
    for (const alias of [`${name}@carbon.super`, `${name}@PRIMARY`, `${name}@a@b`, `${name}@`]) {
      const other = await prompted()
      const page = await fillRegister(other.prompt, alias).press('Create account')
      assert.notEqual(signedInAt(product.application, page).sub, sub)
      assert.equal((await knownPerson(product, other.person.sub)).user.username, alias)
    }
  })

  it('fits the database at the greatest length that a store may allow, whatever it is written in', async () => {
    const withLength = (pattern: string) => (declared: Declared) => ({
      ...declared,
      userStores: [{ name: 'PRIMARY', properties: { UsernameJavaRegEx: pattern } }],
    })
    await meanwhile(product, withLength('.+'), async () => {
      for (const letter of ['a', 'm', '中', '한', '𐐨', 'ш']) {
        const { browser, prompt, person } = await prompted()
        const expected = { status: 422, codes: ['USERNAME_LONG'] }
        assert.deepEqual(await post(browser, prompt, letter.repeat(256)), expected)
        const page = await fillRegister(prompt, letter.repeat(255)).press('Create account')
        signedInAt(product.application, page)
        assert.equal([...(await knownPerson(product, person.sub)).user.username].length, 255)
      }
    })
  })

  it('is no command to a database, directory, template, shell or spreadsheet: it is kept letter for letter, or refused', async () => {
    const id = unique().slice(-6)
    const kept = [
      `'OR'1'='1'--${id}`,
      `*)(uid=*))(|(uid=*${id}`,
      `<canary>${id}"onload='x'`,
      `\${7*7}{{7*7}}#{7*7}${id}`,
      `$(id)|\`id\`&&id>x${id}`,
      `=1+1+cmd|'A1'${id}`,
      `@SUM(1+1)*${id}`,
      `+${id}`,
      `__proto__${id}`,
      `$& $1 $\``.replaceAll(' ', id),
    ]
    for (const name of kept) {
      const { prompt, person } = await prompted()
      const done = await fillRegister(prompt, name).press('Create account')
      assert.equal(signedInAt(product.application, done).userinfo['preferred_username'], name)
      assert.equal((await knownPerson(product, person.sub)).user.username, name)
    }
    const refused: [string, string][] = [
      [`'; DROP TABLE users; --`, 'USERNAME_CHARS'],
      ['%s%s%n%x', 'USERNAME_CHARS'],
      ['<%=7*7', 'USERNAME_CHARS'],
      ['C:\\asha', 'USERNAME_CHARS'],
      ['cn=asha,dc=x;uid', 'USERNAME_CHARS'],
      ['<canary></canary>', 'USERNAME_NO_PREFIX'],
      ['../../etc/passwd', 'USERNAME_NO_PREFIX'],
    ]
    const { browser, prompt, person } = await prompted()
    for (const [name, code] of refused) {
      assert.deepEqual(await post(browser, prompt, name), { status: 422, codes: [code] }, name)
    }
    const offered = await fillRegister(prompt, kept[0] ?? '').press('Create account')
    assert.deepEqual(new Set(codesOn(offered)), new Set(['USERNAME_TAKEN']), 'the table is still there')
    const done = await fillRegister(prompt.untick('recover:email'), person.preferred_username).press('Create account')
    signedInAt(product.application, done)
  })
})
