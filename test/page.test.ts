// The one page that asks: what stands on it for a situation, a question and a try, and how it treats what an idp may send.
import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { Purpose } from '../src/db/purposes.ts'
import type { AttributeValue } from '../src/db/user-attributes.ts'
import type { Facts } from '../src/provisioning/decide.ts'
import { askedOf, readForm } from '../src/provisioning/form.ts'
import { firstView, memoryOf, promptPage, type Try } from '../src/provisioning/page.ts'
import { readUsername } from '../src/provisioning/username.ts'
import { createKeyring } from '../src/seal.ts'
import { readFields } from '../src/web/forms.ts'
import type { AttributeOnPage, PromptPage } from '../src/web/page.ts'
import { createViews } from '../src/web/views.ts'
import { readPage } from './support/html-page.ts'
import { profileOf, purpose, questionOf, situationOf } from './support/situations.ts'

type Asking = Exclude<Facts['idp']['scheme'], 'PROVISION_SILENTLY'>

const SCHEMES: Asking[] = ['PROMPT_CONSENT', 'PROMPT_PASSWORD_CONSENT', 'PROMPT_USERNAME_PASSWORD_CONSENT']
const PURPOSES = [
  purpose('recover', ['email', 'birthdate'], ['phone_number']),
  purpose('office', ['birthdate'], ['email', 'department']),
]
const CONTEXT = {
  action: '/accountrecoveryendpoint/register.do',
  csrf: 'the token',
  sessionDataKey: 'the key',
  switchHref: '/authenticationendpoint/login.do?sessionDataKey=the-key',
  openUntil: new Date('2027-03-04T14:32:10Z'),
  mayPutOff: true,
  memory: 'the memory',
  stay: '/accountrecoveryendpoint/stay',
  status: '/accountrecoveryendpoint/username-status',
}
const VIEWS = createViews({
  folders: [path.join(import.meta.dirname, '../views')],
  cache: true,
  organization: () => 'Northwind',
})

interface Given {
  scheme?: Asking
  attributes?: Record<string, AttributeValue>
  username?: string
  purposes?: Purpose[]
  facts?: Partial<Facts>
}

function situation(given: Given) {
  const { attributes = { email: 'asha@acme.example' }, username = 'asha', purposes = PURPOSES } = given
  return situationOf(profileOf(attributes, [], username), purposes, {
    scheme: given.scheme ?? 'PROMPT_USERNAME_PASSWORD_CONSENT',
    ...given.facts,
  })
}

/** The page on a first view, or after `body` was sent and did not do. */
function page(given: Given = {}, body?: Record<string, string | string[]>): PromptPage {
  const here = situation(given)
  const question = questionOf(here)
  if (!body) return promptPage(here, question, CONTEXT, firstView(here, question))
  const reading = readForm(readFields(body), askedOf(here, question))
  assert.equal(reading.kind, 'problems', 'this form has no problem to show')
  return promptPage(here, question, CONTEXT, { ...reading, suggestions: [] } as Try)
}

function attributes({ consent }: PromptPage): AttributeOnPage[] {
  return consent?.purposes.flatMap((one) => one.attributes) ?? []
}

function attribute(of: PromptPage, id: string): AttributeOnPage {
  return attributes(of).find((one) => one.id === `consent-${id}`) ?? assert.fail(`there is no ${id}`)
}

/** Every element that a problem could link to. */
function fields(of: PromptPage): string[] {
  return [
    ...(of.username.kind === 'asked' ? ['username'] : []),
    ...(of.password ? ['new-password'] : []),
    ...attributes(of).flatMap(({ id, box, input }) => [...(box ? [id] : []), ...(input ? [input.id] : [])]),
  ]
}

describe('a first view', () => {
  for (const scheme of SCHEMES) {
    test(`has no box ticked, no value typed and no problem (${scheme})`, () => {
      const first = page({ scheme, attributes: { email: 'asha@acme.example', phone_number: '+44', department: 'x' } })
      assert.ok(attributes(first).every(({ box }) => box?.ticked !== true))
      assert.ok(attributes(first).every(({ input }) => (input?.value ?? '') === ''))
      assert.deepEqual(first.problems, [])
      assert.equal(first.changed, undefined)
    })
  }

  test('asks what the scheme says, and shows the name where it is not asked', () => {
    const asks = SCHEMES.map((scheme) => {
      const { username, password } = page({ scheme })
      return [username.kind, password !== undefined]
    })
    assert.deepEqual(asks, [
      ['shown', false],
      ['shown', true],
      ['asked', true],
    ])
  })

  test('has the suggested name as it is: no cleaning, no suffix', () => {
    for (const username of ['asha', ' Asha Rao ', 'admin', 'as', 'Ａｓｈａ', '__proto__', '<b>x</b>', '']) {
      assert.equal(page({ username }).username.value, username)
      assert.equal(page({ username, scheme: 'PROMPT_CONSENT' }).username.value, username)
    }
  })

  test('says at the field that the suggested name is taken, and accuses nobody of a mistake', () => {
    const problem = { key: 'USERNAME_TAKEN', values: { name: 'asha' } }
    for (const scheme of SCHEMES) {
      const first = page({ scheme, facts: { username: 'taken' } })
      const { status } = CONTEXT
      assert.deepEqual(first.username, { kind: 'asked', value: 'asha', suggestions: [], status, hints: [], problem })
      assert.deepEqual(first.problems, [])
    }
  })

  test('says at the field why the suggested name is refused', () => {
    for (const scheme of SCHEMES) {
      const { username } = page({ scheme, username: 'as' })
      assert.deepEqual(username.kind === 'asked' && username.problem, {
        key: 'USERNAME_SHORT',
        values: { name: 'as', n: 3, org: 'Northwind' },
      })
    }
  })

  test('says who is signed in: the e-mail address, else the name', () => {
    assert.equal(page().signedInAs, 'asha@acme.example')
    assert.equal(page({ attributes: {} }).signedInAs, 'asha')
    assert.equal(page({ attributes: { email: ['a', 'b'] } }).signedInAs, 'asha')
  })

  test('carries the hash of the words that it shows', () => {
    assert.equal(page().form.notice, situation({}).notice.hash)
    assert.notEqual(page({ purposes: PURPOSES.slice(0, 1) }).form.notice, page().form.notice)
  })

  test('without a purpose has no consent section, and is still a page', () => {
    for (const scheme of SCHEMES) assert.equal(page({ scheme, purposes: [] }).consent, undefined)
    assert.equal(page({ scheme: 'PROMPT_CONSENT', purposes: [] }).heading.key, 'signup.title.plain')
  })
})

describe('an attribute on the page', () => {
  const first = page({ attributes: { email: 'asha@acme.example', phone_number: '+44 7700 900121' } })

  test('that was sent has its value and a box', () => {
    assert.deepEqual(attribute(first, 'recover-phone_number'), {
      id: 'consent-recover-phone_number',
      label: 'the phone_number',
      needed: false,
      value: { kind: 'text', text: '+44 7700 900121' },
      box: { value: 'recover:phone_number', ticked: false },
    })
  })

  test('that is optional and was not sent has neither box nor field', () => {
    assert.deepEqual(attribute(first, 'office-department'), {
      id: 'consent-office-department',
      label: 'the department',
      needed: false,
    })
  })

  test('that is needed and was not sent has a box and a field to type in', () => {
    assert.deepEqual(attribute(first, 'recover-birthdate'), {
      id: 'consent-recover-birthdate',
      label: 'the birthdate',
      needed: true,
      box: { value: 'recover:birthdate', ticked: false },
      input: { id: 'attribute-birthdate', name: 'attribute.birthdate', value: '', type: 'date', autocomplete: 'bday' },
    })
  })

  test('that two purposes need is typed once, at the first, and ticked at both', () => {
    const { box, input } = attribute(first, 'office-birthdate')
    assert.deepEqual([box?.value, input], ['office:birthdate', undefined])
  })

  test('that is in no purpose is not on the page at all', () => {
    const html = JSON.stringify(page({ attributes: { email: 'asha@acme.example', address: { locality: 'canary' } } }))
    assert.ok(!html.includes('canary'))
  })

  // biome-ignore format: one row, one line
  const shown: [string, AttributeValue, AttributeOnPage['value']][] = [
    ['text', 'x', { kind: 'text', text: 'x' }], ['markup', '<b>x</b>', { kind: 'text', text: '<b>x</b>' }], ['a number', 0, { kind: 'text', text: '0' }],
    ['false', false, { kind: 'text', text: 'false' }], ['a list', ['a', 'b'], { kind: 'list', items: ['a', 'b'] }], ['a date', '1990-05-17', { kind: 'date', iso: '1990-05-17' }],
    ['an address with a text', { formatted: 'F', locality: 'L' }, { kind: 'text', text: 'F' }], ['an address without', { locality: 'L', country: 'C' }, { kind: 'text', text: 'L, C' }],
  ]
  for (const [title, value, expected] of shown) {
    test(`shows ${title} in words`, () =>
      assert.deepEqual(attribute(page({ attributes: { email: value } }), 'recover-email').value, expected))
  }
})

describe('after a try', () => {
  const good = { username: 'asha', password: 'correct horse battery staple' }

  test('every problem stands in the summary, in the order of the page, and links to a field that is there', () => {
    const again = page({}, { username: 'as', password: 'short' })
    assert.deepEqual(
      again.problems.map(({ field, message }) => `${field} ${message.key}`),
      [
        'username USERNAME_SHORT',
        'new-password PW_SHORT',
        'consent-recover-email CONSENT_NEEDED',
        'consent-recover-birthdate CONSENT_NEEDED',
        'attribute-birthdate ATTR_EMPTY',
        'consent-office-birthdate CONSENT_NEEDED',
      ],
    )
  })

  test('in every scheme, with everything and with nothing sent, no problem links into the void and no id is used twice', () => {
    for (const scheme of SCHEMES) {
      for (const sent of [
        {},
        { email: 'asha@acme.example' },
        { email: 'a', birthdate: '1990-05-17', department: 'x' },
      ]) {
        for (const facts of [{}, { username: 'taken' as const }]) {
          const body = { username: 'as', password: '' }
          for (const shown of [
            page({ scheme, attributes: sent, facts }),
            page({ scheme, attributes: sent, facts }, body),
          ]) {
            const there = fields(shown)
            assert.equal(new Set(there).size, there.length)
            for (const { field } of shown.problems) assert.ok(there.includes(field), `${field} of ${there}`)
          }
        }
      }
    }
  })

  test('ticks and typed values are as they were, and the password is nowhere', () => {
    const again = page({}, { ...good, consent: ['recover:email'], 'attribute.birthdate': 'in May', username: ' As ' })
    assert.equal(attribute(again, 'recover-email').box?.ticked, true)
    assert.equal(attribute(again, 'office-birthdate').box?.ticked, false)
    assert.equal(attribute(again, 'recover-birthdate').input?.value, 'in May')
    assert.equal(again.username.value, ' As ')
    assert.ok(!JSON.stringify(again).includes(good.password))
  })

  test('a password that was fine is asked for again, without a problem of its own', () => {
    assert.deepEqual(page({}, good).password, { min: 15, again: true })
    assert.equal(page({}, { ...good, password: 'short' }).password?.again, false)
    assert.deepEqual(page().password, { min: 15, again: false })
  })
})

describe('what an idp may send reaches the page as text', () => {
  const hostile = [
    '"><script>canary()</script>',
    "' onmouseover=canary() x='",
    '<%= canary %>',
    '</textarea><canary>',
    '\u202Ecanary',
    '1990-13-45',
    '2999-99-99',
    '{app} {org} {name}',
    'x'.repeat(10_000),
    '__proto__',
    '$& $1 $`',
  ]

  test('and is printed in every mode, at a first view and after a try, without becoming an element', () => {
    const outline = (html: string) => html.match(/<[a-z][a-z0-9]*/gi)?.join('')
    for (const scheme of SCHEMES) {
      const view = scheme === 'PROMPT_USERNAME_PASSWORD_CONSENT' ? 'register' : 'signup'
      for (const isFirst of [true, false]) {
        const render = (text: string) => {
          const sent = { email: text, department: [text, text] }
          // Taken, so that the name and its problem are on the page in every mode.
          const given = { scheme, username: text, attributes: sent, facts: { username: 'taken' as const } }
          const body = { username: text, password: '', 'attribute.birthdate': text }
          return VIEWS.render(view, page(given, isFirst ? undefined : body), 'en')
        }
        for (const text of hostile) {
          assert.doesNotMatch(render(text), /<script>canary|<canary|<[^>"]* onmouseover=canary/)
        }
        // A date and a long text have elements of their own.
        for (const text of hostile.filter((one) => one.length < 200 && !/^\d{4}-/.test(one))) {
          const harmless = readUsername(text).kind === 'ok' ? 'harmless' : 'not fit'
          assert.equal(outline(render(text)), outline(render(harmless)), text)
        }
      }
    }
  })

  test('and can be read back from the page unchanged', () => {
    for (const text of hostile.filter((one) => one.length < 200)) {
      const html = VIEWS.render('register', page({ username: text }), 'en')
      const field = readPage(html).forms[0]?.controls.find(({ name }) => name === 'username')
      assert.equal(field?.value, text)
    }
  })
})

describe('the name under which a browser may keep what was typed', () => {
  const keyring = createKeyring('a secret key for tests that is long enough')
  const here = situation({})
  const memory = memoryOf(keyring, here)

  test('is the same for the same person in front of the same words, whatever else the idp says of them', () => {
    assert.match(memory, /^[\w-]{22}$/)
    const changed = situation({ username: 'other', attributes: { email: 'new@acme.example', department: 'Sales' } })
    assert.equal(memoryOf(keyring, changed), memory)
  })

  test('is another for another person, other words and another house', () => {
    const { profile, idp, notice } = here
    const others = [
      memoryOf(keyring, { ...here, profile: { ...profile, subject: `${profile.subject} ` } }),
      memoryOf(keyring, { ...here, profile: { ...profile, issuer: 'https://id.globex.example' } }),
      memoryOf(keyring, { ...here, idp: { ...idp, id: '5f0f6c8e-9f57-4c9b-9a53-0f6f0d7d1a02' } }),
      memoryOf(keyring, { ...here, notice: { ...notice, hash: `${notice.hash}0` } }),
      memoryOf(createKeyring('another secret key for tests, long enough'), here),
    ]
    assert.equal(new Set([memory, ...others]).size, 6)
    assert.notEqual(memoryOf(keyring, situation({ purposes: [purpose('recover', ['email'])] })), memory)
  })
})
