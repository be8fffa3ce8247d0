// What a person answered: only what was asked counts, and every problem is told at its field.
import assert from 'node:assert/strict'
import { parse } from 'node:querystring'
import { describe, test } from 'node:test'
import type { AttributeValue } from '../src/db/user-attributes.ts'
import { type Asked, askedOf, type FormReading, readForm } from '../src/provisioning/form.ts'
import { inputFor, readTyped } from '../src/provisioning/typed-attributes.ts'
import { PageError } from '../src/web/errors.ts'
import { queryOf, readFields } from '../src/web/forms.ts'
import { PASSWORD } from './support/people.ts'
import { profileOf, purpose, questionOf, situationOf } from './support/situations.ts'

type Pairs = [string, string][]

const PURPOSES = [purpose('recover', ['email'], ['phone_number']), purpose('office', ['birthdate'], ['email'])]
const PROFILE = profileOf({ email: 'asha.rao@acme.example', phone_number: '+447700900121' }, [], 'asha')
const NEEDED: Pairs = [
  ['consent', 'recover:email'],
  ['consent', 'office:birthdate'],
  ['attribute.birthdate', '1990-05-17'],
]
const GOOD: Pairs = [['username', 'asha'], ['password', PASSWORD], ...NEEDED]

function asked(
  scheme: 'PROMPT_CONSENT' | 'PROMPT_PASSWORD_CONSENT' | 'PROMPT_USERNAME_PASSWORD_CONSENT',
  profile = PROFILE,
): Asked {
  const situation = situationOf(profile, PURPOSES, { scheme })
  return askedOf(situation, questionOf(situation))
}

const REGISTER = asked('PROMPT_USERNAME_PASSWORD_CONSENT')

/** Reads a body as it comes over the wire. */
function post(pairs: Pairs, what = REGISTER): FormReading {
  return readForm(readFields(parse(new URLSearchParams(pairs).toString())), what)
}

/** The answers, with the name spelled out. */
function answers(reading: FormReading) {
  assert.equal(reading.kind, 'answers', JSON.stringify(reading))
  if (reading.kind !== 'answers') return assert.fail()
  const { name, ...rest } = reading.answers
  return { username: name.username, canonical: name.canonical, ...rest }
}

/** The codes of a reading's problems, each with its field. */
function problems(reading: FormReading): string[] {
  if (reading.kind === 'answers') return []
  const { username, password, ticks, typed } = reading.problems
  return [
    ...(username ? [`username ${username.key}`] : []),
    ...(password ? [`password ${password.key}`] : []),
    ...Object.entries({ ...ticks, ...typed }).map(([field, message]) => `${field} ${message.key}`),
  ]
}

/** The good form with one field changed; undefined leaves it out. */
function changed(field: string, value: string | undefined): Pairs {
  const rest = GOOD.filter(([name]) => name !== field)
  return value === undefined ? rest : [...rest, [field, value]]
}

describe('a form that is filled in', () => {
  test('gives the answers: name, password, ticks and what was typed', () => {
    assert.deepEqual(answers(post(GOOD)), {
      username: 'asha',
      canonical: 'asha',
      password: PASSWORD,
      ticks: new Set(['recover:email', 'office:birthdate']),
      typed: { birthdate: '1990-05-17' },
    })
  })

  test('keeps the case of a typed name for display, and loses ASCII spaces at its ends alone', () => {
    const { username, canonical } = answers(post(changed('username', '  AshaRao ')))
    assert.deepEqual([username, canonical], ['AshaRao', 'asharao'])
  })

  test('takes the name of a suggestion whose button was pressed', () => {
    assert.equal(answers(post([...changed('username', 'no good name!'), ['use', 'asha.rao']])).username, 'asha.rao')
    assert.equal(answers(post([...GOOD, ['use', '']])).username, 'asha')
  })

  test('of signup.do has the name that was shown, whatever the form says', () => {
    const signup = asked('PROMPT_PASSWORD_CONSENT')
    for (const extra of [[], [['username', 'admin']], [['use', 'root']]] as Pairs[]) {
      const { username, canonical } = answers(post([['password', PASSWORD], ...NEEDED, ...extra], signup))
      assert.deepEqual([username, canonical], ['asha', 'asha'])
    }
  })

  test('has no password where none is asked, whatever the form says', () => {
    const signup = asked('PROMPT_CONSENT')
    assert.equal(answers(post([...NEEDED, ['password', PASSWORD]], signup)).password, undefined)
    assert.equal(answers(post(NEEDED, signup)).password, undefined)
  })

  test('keeps the password as it was typed: no trimming, no folding', () => {
    const password = '  Zwölf Boxkämpfer jagen Viktor  '
    assert.equal(answers(post(changed('password', password))).password, password)
  })

  test('has the optional ticks that were made and no others', () => {
    const { ticks } = answers(post([...GOOD, ['consent', 'recover:phone_number'], ['consent', 'office:nothing']]))
    assert.deepEqual([...ticks], ['recover:email', 'office:birthdate', 'recover:phone_number'])
  })
})

// biome-ignore format: one row, one line
const wrong: [string, string, string | undefined, string[]][] = [
  ['no name', 'username', undefined, ['username USERNAME_EMPTY']],
  ['an empty name', 'username', '', ['username USERNAME_EMPTY']],
  ['a name of spaces', 'username', '    ', ['username USERNAME_EMPTY']],
  ['a short name', 'username', 'as', ['username USERNAME_SHORT']],
  ['a long name', 'username', 'x'.repeat(51), ['username USERNAME_LONG']],
  ['an enormous name', 'username', 'x'.repeat(90_000), ['username USERNAME_LONG']],
  ['a reserved name', 'username', 'Admin', ['username USERNAME_RESERVED']],
  ['a name with a store', 'username', 'STAFF/asha', ['username USERNAME_NO_PREFIX']],
  ['a name with NUL', 'username', 'asha\0', ['username USERNAME_CHARS']],
  ['a name with half a character', 'username', 'asha\uFFFD', ['username USERNAME_CHARS']],
  ['no password', 'password', undefined, ['password PW_EMPTY']],
  ['a short password', 'password', 'fourteen chars', ['password PW_SHORT']],
  ['a long password', 'password', 'long words '.repeat(12), ['password PW_LONG']],
  ['an enormous password', 'password', 'x'.repeat(90_000), ['password PW_LONG']],
  ['a common password', 'password', 'passwordpassword', ['password PW_COMMON']],
  ['a password with the typed name', 'password', 'my name is asha indeed', ['password PW_PERSONAL']],
  ['a password with the mailbox', 'password', 'mailbox asha.rao mailbox', ['password PW_PERSONAL']],
  ['a password with the application', 'password', 'i love to Travel by train', ['password PW_PERSONAL']],
  ['a password with the idp', 'password', 'nothing but acme works here', ['password PW_PERSONAL']],
  ['a password with the organization', 'password', 'greetings from northwind', ['password PW_PERSONAL']],
  ['no tick at all', 'consent', undefined, ['recover:email CONSENT_NEEDED', 'office:birthdate CONSENT_NEEDED']],
  ['one needed tick missing', 'consent', 'office:birthdate', ['recover:email CONSENT_NEEDED']],
  ['the needed attribute ticked for another purpose', 'consent', 'office:email', ['recover:email CONSENT_NEEDED', 'office:birthdate CONSENT_NEEDED']],
  ['a needed value not typed', 'attribute.birthdate', undefined, ['birthdate ATTR_EMPTY']],
  ['a needed value typed wrongly', 'attribute.birthdate', 'in May', ['birthdate ATTR_FORMAT']],
  ['an enormous value', 'attribute.birthdate', 'x'.repeat(90_000), ['birthdate ATTR_LONG']],
]

describe('a form with a problem', () => {
  for (const [title, field, value, expected] of wrong) {
    test(`${title}: ${expected.join(', ')}`, () => assert.deepEqual(problems(post(changed(field, value))), expected))
  }

  test('tells all of them at once', () => {
    assert.deepEqual(problems(post([])), [
      'username USERNAME_EMPTY',
      'password PW_EMPTY',
      'recover:email CONSENT_NEEDED',
      'office:birthdate CONSENT_NEEDED',
      'birthdate ATTR_EMPTY',
    ])
  })

  test('prints again what was typed and ticked, and never the password', () => {
    const password = 'canary-short'
    const reading = post([
      ['username', '  No Good '],
      ['password', password],
      ['consent', 'recover:phone_number'],
      ['attribute.birthdate', 'in May'],
    ])
    assert.deepEqual(reading.kept, {
      username: '  No Good ',
      ticks: new Set(['recover:phone_number']),
      typed: { birthdate: 'in May' },
    })
    for (const [, field, value] of wrong) {
      const text = JSON.stringify(post(changed(field, value)))
      assert.ok(!text.includes(field === 'password' && value ? value : PASSWORD), text.slice(0, 300))
    }
  })

  test('has in its messages what the sentences need: bounds, the name, the attribute', () => {
    const reading = post(
      [...changed('username', 'as').filter(([name]) => name !== 'consent'), ['password', '']].slice(0, 1) as Pairs,
    )
    assert.equal(reading.kind, 'problems')
    if (reading.kind !== 'problems') return
    assert.equal(reading.problems.ticks['recover:email']?.values?.['attribute'], 'the email')
    assert.equal(reading.problems.typed['birthdate']?.values?.['attribute'], 'the birthdate')
    const short = post(changed('username', 'as'))
    assert.deepEqual(short.kind === 'problems' && short.problems.username, {
      key: 'USERNAME_SHORT',
      values: { name: 'as', n: 3, org: 'Northwind' },
    })
    const chars = post(changed('username', 'a sha'))
    assert.deepEqual(chars.kind === 'problems' && chars.problems.username?.values, {
      name: 'a sha',
      found: 'U+0020',
      org: 'Northwind',
    })
    const password = post(changed('password', 'short'))
    assert.deepEqual(password.kind === 'problems' && password.problems.password, {
      key: 'PW_SHORT',
      values: { org: 'Northwind', n: 15 },
    })
  })

  test('on signup.do is never about a name that was not asked for', () => {
    const signup = asked('PROMPT_CONSENT')
    assert.deepEqual(problems(post([...NEEDED, ['username', '']], signup)), [])
  })

  test('on signup.do is about the name when the suggested one will not do', () => {
    const signup = asked('PROMPT_CONSENT', { ...PROFILE, suggestedUsername: 'as' })
    assert.deepEqual(problems(post([...NEEDED, ['username', 'as']], signup)), ['username USERNAME_SHORT'])
    assert.equal(answers(post([...NEEDED, ['username', 'asha.rao']], signup)).username, 'asha.rao')
  })
})

describe('a forged form', () => {
  const names = ['username', 'password', 'use', 'attribute.birthdate']
  for (const name of names) {
    test(`with ${name} twice is refused as a whole`, () => {
      const twice: Pairs = [...GOOD, [name, 'a'], [name, 'b']]
      assert.throws(
        () => post(twice),
        (error) => error instanceof PageError && error.status === 400,
      )
    })
  }

  // biome-ignore format: one row, one line
  const extra: Pairs = [
    ['__proto__', 'x'], ['constructor', 'x'], ['username[]', 'root'], ['password[x]', '1'], ['attribute.email', 'x@evil.example'], ['attribute.roles', 'admin'],
    ['attribute.__proto__', 'x'], ['attribute.constructor', 'x'], ['email', 'x@evil.example'], ['sub', 'other'], ['idp', 'other'], ['userId', '1'], ['locked', 'false'],
    ['emailVerified', 'true'], ['skipSignUpEnableCheck', 'true'], ['allowchangeusername', 'true'], ['passwordProvisionEnabled', 'false'], ['ask', 'nothing'],
    ['consent', '__proto__'], ['consent', 'recover:__proto__'], ['consent', 'constructor'], ['consent', ''], ['consent', 'office:phone_number'],
  ]
  for (const pair of extra) {
    test(`with ${pair.join('=')} means what it means without`, () => {
      assert.deepEqual(post([...GOOD, pair]), post(GOOD))
    })
  }

  test('of nothing, of two hundred empty fields or of one endless value is answered with problems', () => {
    const bodies: Pairs[] = [
      [],
      Array.from({ length: 200 }, (_, index): [string, string] => [`field${index}`, '']),
      [['username', ' '.repeat(90_000)]],
      [['attribute.birthdate', `a${' '.repeat(90_000)}a`]],
    ]
    for (const body of bodies) assert.equal(post(body).kind, 'problems')
  })
})

// biome-ignore format: one row, one line
const values: [string, string, AttributeValue | string[]][] = [
  ['given_name', ' Asha ', 'Asha'], ['given_name', 'x'.repeat(500), 'x'.repeat(500)], ['given_name', '<b>Asha</b>', '<b>Asha</b>'], ['given_name', '__proto__', '__proto__'],
  ['given_name', '', ['ATTR_EMPTY']], ['given_name', '   ', ['ATTR_EMPTY']], ['given_name', 'x'.repeat(501), ['ATTR_LONG']], ['given_name', 'a\0b', ['ATTR_FORMAT']],
  ['given_name', 'a\nb', ['ATTR_FORMAT']], ['given_name', 'a\uD800', ['ATTR_FORMAT']], ['given_name', 'a\u0085b', ['ATTR_FORMAT']],
  ['email', 'asha@acme.example', 'asha@acme.example'], ['email', ' asha@acme.example ', 'asha@acme.example'], ['email', 'Asha+x@sub.acme.example', 'Asha+x@sub.acme.example'],
  ['email', 'asha', ['ATTR_EMAIL']], ['email', 'asha@acme', ['ATTR_EMAIL']], ['email', '@acme.example', ['ATTR_EMAIL']], ['email', 'a@b@c.example', ['ATTR_EMAIL']],
  ['email', 'a b@acme.example', ['ATTR_EMAIL']], ['email', 'asha@', ['ATTR_EMAIL']], ['email', `${'x'.repeat(65)}@acme.example`, ['ATTR_EMAIL']], ['email', '', ['ATTR_EMPTY']],
  ['phone_number', '+44 7700 900123', '+44 7700 900123'], ['phone_number', '07700 900123', '07700 900123'], ['phone_number', '(020) 7946-0000', '(020) 7946-0000'],
  ['phone_number', '1234', ['ATTR_PHONE']], ['phone_number', 'call me', ['ATTR_PHONE']], ['phone_number', '1'.repeat(31), ['ATTR_PHONE']], ['phone_number', '٠١٢٣٤٥', '012345'],
  ['phone_number', '-----', ['ATTR_PHONE']], ['phone_number', '+(1) 2-3.4', ['ATTR_PHONE']], ['phone_number', '+४४ ७७००', '+44 7700'], ['phone_number', '①②③④⑤', ['ATTR_PHONE']],
  ['given_name', '\u200B', ['ATTR_EMPTY']], ['given_name', '\u3164', ['ATTR_EMPTY']], ['given_name', '\u2800 \u2800', ['ATTR_EMPTY']], ['given_name', '\u0301', ['ATTR_EMPTY']],
  ['given_name', '\u3000', ['ATTR_EMPTY']], ['given_name', '\u202E', ['ATTR_EMPTY']], ['department', '—', '—'], ['given_name', '🙂', '🙂'], ['address', '\u00AD', ['ATTR_EMPTY']],
  ['birthdate', '1990-05-17', '1990-05-17'], ['birthdate', '2024-02-29', '2024-02-29'], ['birthdate', '2023-02-29', ['ATTR_FORMAT']], ['birthdate', '1990-13-01', ['ATTR_FORMAT']],
  ['birthdate', '1990-00-01', ['ATTR_FORMAT']], ['birthdate', '17.5.1990', ['ATTR_FORMAT']], ['birthdate', '1990-5-17', ['ATTR_FORMAT']], ['birthdate', '+001990-05-17', ['ATTR_FORMAT']],
  ['website', 'https://asha.example/', 'https://asha.example/'], ['website', 'javascript:alert(1)', ['ATTR_FORMAT']], ['website', 'data:text/html,x', ['ATTR_FORMAT']],
  ['website', 'asha.example', ['ATTR_FORMAT']], ['website', '//asha.example', ['ATTR_FORMAT']], ['picture', 'file:///etc/passwd', ['ATTR_FORMAT']], ['profile', 'https://', ['ATTR_FORMAT']],
  ['address', '1 High Street, London', { formatted: '1 High Street, London' }], ['address', '', ['ATTR_EMPTY']],
  ['department', 'Engines', 'Engines'], ['constructor', 'x', 'x'],
]

describe('a value that a person types', () => {
  for (const [attribute, typed, expected] of values) {
    const outcome = Array.isArray(expected) ? expected.join() : 'kept'
    test(`${JSON.stringify(typed.slice(0, 40))} as ${attribute}: ${outcome}`, () => {
      const reading = readTyped(attribute, typed, 'the label')
      assert.deepEqual('value' in reading ? reading.value : [reading.problem.key], expected)
    })
  }

  test('is told to be wrong by the name of its label, with the bound where there is one, and is not repeated', () => {
    assert.deepEqual(readTyped('given_name', 'x'.repeat(501), 'First name'), {
      problem: { key: 'ATTR_LONG', values: { attribute: 'First name', n: 500 } },
    })
    assert.deepEqual(readTyped('birthdate', 'canary', 'Birthday'), {
      problem: { key: 'ATTR_FORMAT', values: { attribute: 'Birthday' } },
    })
  })

  test('of any length and any pattern is answered without being worked on', () => {
    const long = 100_000
    const started = process.cpuUsage().user
    for (const typed of [
      `a${' '.repeat(long)}a`,
      ' '.repeat(long),
      'a@'.repeat(long),
      `${'a.'.repeat(long)}@`,
      '1'.repeat(long),
    ]) {
      for (const attribute of ['given_name', 'email']) {
        assert.ok('problem' in readTyped(attribute, typed, 'label'))
      }
    }
    const milliseconds = (process.cpuUsage().user - started) / 1000
    // A quadratic reading takes several seconds for each.
    assert.ok(milliseconds < 2_000, `${milliseconds} ms of work`)
  })

  test('has the input and the autofill token of its attribute, and is plain text for anything else', () => {
    assert.deepEqual(inputFor('email'), { type: 'email', autocomplete: 'email' })
    assert.deepEqual(inputFor('phone_number'), { type: 'tel', autocomplete: 'tel' })
    assert.deepEqual(inputFor('birthdate'), { type: 'date', autocomplete: 'bday' })
    assert.deepEqual(inputFor('website'), { type: 'url', autocomplete: 'url' })
    for (const name of ['department', 'constructor', '__proto__', 'toString']) {
      assert.deepEqual(inputFor(name), { type: 'text', autocomplete: 'off' }, name)
    }
  })
})

describe('the query of an address', () => {
  test('goes to the end, a second question mark included, as RFC 3986 allows', () => {
    for (const [url, query] of [
      ['/a', ''],
      ['/a?', ''],
      ['/a?b=c', 'b=c'],
      ['/a?uri=https://x.example/cb?y=1&state=s', 'uri=https://x.example/cb?y=1&state=s'],
    ] as const) {
      assert.equal(queryOf(url), query)
    }
  })
})
