// What a username may be, and which others are offered.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alternatives, readUsername, suggestedUsername, type UsernameProblem } from '../src/provisioning/username.ts'
import { policyOf } from '../src/stores/policy.ts'
import { readTypedUsername } from './support/places.ts'

function canonical(name: string): string {
  const reading = readUsername(name)
  assert.equal(reading.kind, 'ok', `${JSON.stringify(name)} should be a username: ${JSON.stringify(reading)}`)
  return reading.kind === 'ok' ? reading.canonical : ''
}

function refusal(name: string): UsernameProblem {
  const reading = readUsername(name)
  assert.equal(reading.kind, 'problem', `${JSON.stringify(name)} should not be a username`)
  return reading.kind === 'problem' ? reading.problem : { code: 'USERNAME_EMPTY' }
}

function found(name: string): string {
  const problem = refusal(name)
  assert.equal(problem.code, 'USERNAME_CHARS', JSON.stringify(name))
  return problem.code === 'USERNAME_CHARS' ? problem.found : ''
}

test('a name keeps its spelling for display and is compared without case', () => {
  const reading = readUsername('Asha.Rao')
  assert.deepEqual(reading.kind === 'ok' && [reading.username, reading.canonical], ['Asha.Rao', 'asha.rao'])
})

// The one-letter names of the RFC are said three times, for our shortest name has three characters.
test('the names that RFC 8265 section 3.5 allows are usernames', () => {
  assert.equal(canonical('juliet@example.com'), 'juliet@example.com')
  assert.equal(canonical('fussball'), 'fussball')
  assert.equal(canonical('fu\u00DFball'), 'fu\u00DFball')
  assert.equal(canonical('\u03C0\u03C0\u03C0'), '\u03C0\u03C0\u03C0')
  assert.equal(canonical('\u03A3\u03C0\u03C0'), '\u03C3\u03C0\u03C0')
  assert.equal(canonical('\u03C3\u03C0\u03C0'), '\u03C3\u03C0\u03C0')
  assert.equal(canonical('\u03C2\u03C0\u03C0'), '\u03C2\u03C0\u03C0')
})

test('where cases count, the names of RFC 8265 section 3.5 are those of UsernameCasePreserved', () => {
  const rules = { policy: policyOf({ CaseInsensitiveUsername: 'false' }), reserved: new Set<string>() }
  const preserved = (name: string) => {
    const reading = readUsername(name, rules)
    return reading.kind === 'ok' ? reading.canonical : reading.problem.code
  }
  for (const name of [
    'juliet@example.com',
    'fussball',
    'fu\u00DFball',
    '\u03C0\u03C0\u03C0',
    '\u03A3\u03C0\u03C0',
    '\u03C3\u03C0\u03C0',
    '\u03C2\u03C0\u03C0',
  ])
    assert.equal(preserved(name), name)
  assert.equal(preserved('Juliet'), 'Juliet')
  assert.equal(preserved('\uFF2Auliet'), 'Juliet', 'width still does not count')
  assert.equal(preserved('Jose\u0301'), 'Jos\u00E9', 'nor does composition')
  for (const name of ['foo bar', 'henry\u2163', '\u221E\u221E\u221E']) assert.equal(preserved(name), 'USERNAME_CHARS')
  for (const name of ['Admin', 'ROOT', 'Postmaster']) assert.equal(preserved(name), 'USERNAME_RESERVED')
})

test('the names that RFC 8265 section 3.5 disallows are refused, naming what to remove', () => {
  assert.equal(found('foo bar'), 'U+0020')
  assert.deepEqual(refusal(''), { code: 'USERNAME_EMPTY' })
  assert.equal(found('henry\u2163'), '\u2163')
  assert.equal(found('\u221E\u221E\u221E'), '\u221E')
})

test('full-width, upper-case and decomposed spellings are one name', () => {
  assert.equal(canonical('\uFF21\uFF33\uFF28\uFF21'), 'asha')
  assert.equal(canonical('ASHA'), 'asha')
  assert.equal(canonical('Jose\u0301'), canonical('JOS\u00C9'))
  assert.equal(canonical('\u212Bke'), '\u00E5ke')
  assert.equal(canonical('\uFF76\uFF85\uFF80'), '\u30AB\u30CA\u30BF')
})

test('a Greek name in capitals ends in final sigma, as in small letters', () => {
  assert.equal(canonical('ΟΔΥΣΣΕΥΣ'), 'οδυσσευς')
  assert.notEqual(canonical('οδυσσευσ'), canonical('οδυσσευς'))
})

test('compatibility characters, old Hangul, fillers and emoji are refused', () => {
  for (const misfit of [
    '\uFB00',
    '\u00AA',
    '\u01C6',
    '\u0132',
    '\u1112',
    '\uFFA1',
    '\uFFDC',
    '\u3164',
    '\u{1F600}',
    '\u0640',
  ])
    assert.equal(refusal(`abc${misfit}`).code, 'USERNAME_CHARS', misfit.codePointAt(0)?.toString(16))
})

test('half-width Hangul is not glued into another syllable', () => {
  assert.equal(found('ab\uFFA1\uFFC2'), '\uFFA1 \uFFC2')
})

test('the exceptions of RFC 5892 are allowed although they are symbols or punctuation', () => {
  for (const exception of ['\u06FD', '\u06FE']) canonical(`\u0633\u0644${exception}`)
  canonical('\u4E2D\u3007\u4E2D')
  canonical('\u0F40\u0F0B\u0F40')
})

test('a character with a contextual rule is allowed only where it belongs', () => {
  assert.equal(canonical('paral\u00B7lel'), 'paral\u00B7lel')
  assert.equal(canonical('PARAL\u00B7LEL'), 'paral\u00B7lel')
  assert.equal(found('para\u00B7lel'), '\u00B7')
  assert.equal(found('abc\u00B7'), '\u00B7')
  canonical('α\u0375β')
  assert.equal(found('αβ\u0375'), '\u0375')
  canonical('קג\u05F3')
  assert.equal(found('\u05F4קג'), '\u05F4')
  canonical('カ・タ')
  canonical('aか・b')
  assert.equal(found('ab・cd'), '・')
  canonical('سلا١٢')
  canonical('سلا۱۲')
  assert.equal(found('سلا١۲'), '١ ۲')
})

test('invisible joiners are refused everywhere, also where RFC 5892 would allow them', () => {
  assert.equal(found('as\u200Dha'), 'U+200D')
  assert.equal(found('\u0915\u094D\u200D\u0937'), 'U+200D')
  assert.equal(found('\u062C\u200C\u0627\u0628'), 'U+200C')
})

test('a right-to-left name may not be mixed with left-to-right letters or begin or end weakly', () => {
  assert.equal(canonical('שלום'), 'שלום')
  canonical('שלום12')
  canonical('של-ום')
  canonical('של\u05B8')
  assert.equal(found('שלוםab'), 'a b')
  assert.equal(found('abש'), 'ש')
  assert.equal(found('1שלום'), '1')
  assert.equal(found('שלום!'), '!')
  assert.equal(found('سلا1٢'), '٢')
  assert.equal(found('١٢٣'), '١')
})

test('a slash is refused as a store prefix, also a full-width one', () => {
  for (const name of ['STAFF/asha', '/asha', '/', 'STAFF\uFF0Fasha'])
    assert.deepEqual(refusal(name), { code: 'USERNAME_NO_PREFIX' })
})

test('backslash, percent, colon and semicolon are refused, also full-width ones', () => {
  for (const sign of ['\\', '%', ':', ';', '\uFF3C', '\uFF05', '\uFF1A', '\uFF1B'])
    assert.equal(found(`as${sign}ha`), sign)
})

test('every other ASCII sign may be in a name', () => {
  assert.equal(canonical(`!"#$&'()*+,-.<=>?@[]^_\`{|}~`), `!"#$&'()*+,-.<=>?@[]^_\`{|}~`)
})

test('what cannot be seen is named by its code point and never handed on', () => {
  assert.equal(found('as\u0000ha'), 'U+0000')
  assert.equal(found('as\uD800ha'), 'U+D800')
  assert.equal(found('as\u202Eha'), 'U+202E')
  assert.equal(found('as\u20DDha'), 'U+20DD')
  assert.equal(found('as\u00A0ha\n'), 'U+00A0 U+000A')
})

test('an offending character is named once, and at most five are', () => {
  assert.equal(found('%%:%'), '% :')
  assert.equal(found('∞★☆♥♦♣♠'), '∞ ★ ☆ ♥ ♦')
})

test('a name has 3 to 50 code points, as typed and in canonical form', () => {
  assert.deepEqual(refusal('ab'), { code: 'USERNAME_SHORT', min: 3 })
  canonical('abc')
  canonical('𐐀'.repeat(50))
  canonical('a'.repeat(50))
  assert.deepEqual(refusal('a'.repeat(51)), { code: 'USERNAME_LONG', max: 50 })
  assert.deepEqual(refusal('𐐀𐐀'), { code: 'USERNAME_SHORT', min: 3 })
  // Three as typed, two when composed; 26 as typed, 52 in small letters.
  assert.deepEqual(refusal('a\u0301b'), { code: 'USERNAME_SHORT', min: 3 })
  assert.deepEqual(refusal('\u0130'.repeat(26)), { code: 'USERNAME_LONG', max: 50 })
})

test('of several problems length comes first, then characters, then shortness', () => {
  assert.equal(refusal(`${'a'.repeat(51)}%`).code, 'USERNAME_LONG')
  assert.equal(refusal('%').code, 'USERNAME_CHARS')
})

test('reserved names are refused in every spelling', () => {
  for (const name of ['admin', 'Admin', 'ROOT', '\uFF41\uFF44\uFF4D\uFF49\uFF4E', 'postmaster', 'undefined'])
    assert.deepEqual(refusal(name), { code: 'USERNAME_RESERVED' })
  canonical('administrators')
})

test('a typed name loses ASCII spaces at its ends and nothing else', () => {
  const typed = readTypedUsername('  Asha ')
  assert.deepEqual(typed.kind === 'ok' && [typed.username, typed.canonical], ['Asha', 'asha'])
  assert.equal(readTypedUsername('   ').kind, 'problem')
  const empty = readTypedUsername('   ')
  assert.deepEqual(empty.kind === 'problem' && empty.problem, { code: 'USERNAME_EMPTY' })
  for (const other of ['\t', '\u00A0', '\u3000', '\n'])
    assert.equal(readTypedUsername(`asha${other}`).kind, 'problem', JSON.stringify(other))
  assert.equal(found(' asha'), 'U+0020', 'a claim loses nothing')
})

test('no code point makes reading throw, and a canonical form is its own canonical form', () => {
  let accepted = 0
  for (let point = 0; point <= 0x1ffff; point += 1) {
    const character = String.fromCodePoint(point)
    for (const name of point <= 0xffff ? [character.repeat(3), `l${character}l`] : [character.repeat(3)]) {
      const reading = readUsername(name)
      if (reading.kind === 'problem') continue
      accepted += 1
      // Whoever reads the same once more reads the same.
      if (reading.canonical === name) continue
      const again = readUsername(reading.canonical)
      assert.ok(again.kind === 'ok' && again.canonical === reading.canonical, point.toString(16))
    }
  }
  assert.ok(accepted > 90_000, `only ${accepted} names were read`)
})

test('an enormous name is answered without being worked on', () => {
  const started = performance.now()
  assert.equal(readTypedUsername('a'.repeat(100_000)).kind, 'problem')
  assert.equal(readTypedUsername(`a${' '.repeat(100_000)}b`).kind, 'problem')
  assert.deepEqual(
    alternatives('a'.repeat(100_000), { givenName: '\u0301'.repeat(100_000), email: '@'.repeat(100_000) }).length,
    8,
  )
  const took = performance.now() - started
  assert.ok(took < 250, `it took ${took} ms`)
})

test('the proposed name is the username claim, else the mailbox, else the subject, as they are', () => {
  assert.equal(suggestedUsername({ username: ' Asha Rao', email: 'a@example.com', subject: 's-1' }), ' Asha Rao')
  assert.equal(suggestedUsername({ username: '', email: 'a.rao@example.com', subject: 's-1' }), 'a.rao')
  assert.equal(suggestedUsername({ email: '"a@b"@example.com', subject: 's-1' }), '"a@b"')
  assert.equal(suggestedUsername({ email: '@example.com', subject: 's-1' }), 's-1')
  assert.equal(suggestedUsername({ email: 'no address', subject: 's-1' }), 's-1')
  assert.equal(suggestedUsername({ subject: 's-1' }), 's-1')
})

test('for a taken name the nearest numbers are offered first, then the person’s names', () => {
  const offers = alternatives('asha', { givenName: 'Asha', familyName: 'Rao', email: 'arao@example.com' })
  assert.deepEqual(offers, ['asha2', 'asha3', 'asha.rao', 'rao.asha', 'asharao', 'asha-rao', 'arao', 'rao'])
  assert.deepEqual(alternatives('asha7', {}).slice(0, 2), ['asha8', 'asha9'])
})

test('for a taken e-mail address its mailbox is offered', () => {
  assert.deepEqual(alternatives('asha@example.com', {}).slice(0, 3), ['asha', 'asha2', 'asha3'])
})

test('for a name that is not fit its fit parts and the person’s names are offered', () => {
  assert.deepEqual(alternatives('Asha Rao', {}).slice(0, 2), ['asha.rao', 'asha.rao2'])
  assert.deepEqual(alternatives('∞', { givenName: 'Anne Marie', familyName: 'O’Brien' }).slice(0, 2), [
    'anne.marie.obrien',
    'obrien.anne.marie',
  ])
  assert.deepEqual(alternatives('∞', {}), [])
})

test('a reserved name is never offered, nor one built on it', () => {
  assert.deepEqual(alternatives('admin', { email: 'admin@example.com' }), [])
  assert.deepEqual(alternatives('admin@example.com', { familyName: 'Root' }), [])
})

test('every offer is fit, and differs from the name and from the others in canonical form', () => {
  const names = [
    'asha',
    'ASHA',
    'a'.repeat(50),
    'al',
    'x%y',
    '\uD800',
    'שלום',
    '123',
    'İ'.repeat(25),
    'asha@example.com',
    '',
  ]
  for (const name of names) {
    const offers = alternatives(name, { givenName: 'Asha', familyName: '\uFF32ao', email: 'ASHA@example.com' })
    const forms = offers.map(canonical)
    assert.ok(offers.length > 0 && offers.length <= 8, name)
    assert.equal(new Set(forms).size, forms.length, name)
    const reading = readUsername(name)
    if (reading.kind === 'ok') assert.ok(!forms.includes(reading.canonical), name)
  }
})
