// The words of every language: the same keys and places for values, all forms of number, and how values are put into words.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { allStates } from '../src/specimens/all.ts'
import { languagesIn, loadMessages } from '../src/web/messages.ts'
import { createViews } from '../src/web/views.ts'
import { REPOSITORY } from './support/product.ts'

type Words = Record<string, string>

const VIEWS = path.join(REPOSITORY, 'views')
const FILES = readdirSync(path.join(VIEWS, 'messages'))
const fileOf = (language: string) => readFileSync(path.join(VIEWS, 'messages', `${language}.json`), 'utf8')
const wordsOf = (language: string): Words => JSON.parse(fileOf(language))
const english = wordsOf('en')
const languages = languagesIn([VIEWS])
const others = languages.filter((language) => language !== 'en')

/** Words that are the same in English. */
const SAME = ['attribute.website']
const BANNED: Record<string, RegExp> = {
  en: /\b(please|sorry|oops|valid|invalid|illegal|forbidden)\b/i,
  de: /\b(bitte|leider|hoppla|entschuldig\w*|sorry|un?gültig\w*|verboten|unzulässig\w*|du|dein\w*)\b/i,
  ar: /يرجى|يُرجى|رجاء|فضلك|عذر|آسف|نأسف|صالح|ممنوع/,
}

/** The forms that sentences with a number need in a language, besides the one that is left when no other fits. */
function formsOf(language: string): string[] {
  return new Intl.PluralRules(language).resolvedOptions().pluralCategories.filter((form) => form !== 'other')
}

/** The key of a sentence without its form of number, and that form. */
function split(key: string): [base: string, form: string | undefined] {
  const [, base, form] = /^(.+)\.(zero|one|two|few|many)$/.exec(key) ?? []
  return base !== undefined && Object.hasOwn(english, base) ? [base, form] : [key, undefined]
}

function placesOf(sentence: string): string[] {
  return [...sentence.matchAll(/\{[^}]*\}/g)].map(String).sort()
}

/** Everything that is wrong with the words of a language. */
function faultsOf(language: string, words: Words): string[] {
  const faults: string[] = []
  const say = (key: string, what: string) => faults.push(`${key} ${what}`)
  const forms = formsOf(language)
  for (const key of Object.keys(english))
    if (split(key)[1] === undefined && !Object.hasOwn(words, key)) say(key, 'is missing')
  for (const [key, sentence] of Object.entries(words)) {
    const [base, form] = split(key)
    if (!Object.hasOwn(english, base)) say(key, 'is spoken by nothing')
    else if (form !== undefined && !forms.includes(form)) say(key, 'is a form that the language does not have')
    // One, two and none may be words.
    const places = placesOf(sentence)
    const wanted = placesOf(english[base] ?? '')
    const withoutNumber = wanted.filter((place) => place !== '{n}')
    const mayLackNumber = /^(zero|one|two)$/.test(form ?? '') && String(places) === String(withoutNumber)
    if (String(places) !== String(wanted) && !mayLackNumber) say(key, 'has other places for values')
    if (/^\s*$|\.\s*$|!/.test(sentence)) say(key, 'is empty, ends with a full stop, or shouts')
    if (BANNED[language]?.test(sentence)) say(key, 'accuses or apologises')
    if (language !== 'en' && sentence === english[key] && !SAME.includes(key)) say(key, 'is English')
  }
  // A sentence that has forms in English, or any form here, has all of them.
  const counted = [...Object.keys(english), ...Object.keys(words)].flatMap((key) =>
    split(key)[1] ? [split(key)[0]] : [],
  )
  for (const base of new Set(counted))
    for (const form of forms) if (!Object.hasOwn(words, `${base}.${form}`)) say(`${base}.${form}`, 'is missing')
  return [...new Set(faults)]
}

describe('the words', () => {
  test('are there in English, German and Arabic, each file under the tag of its language', () => {
    assert.deepEqual(languages, ['en', 'ar', 'de'])
    assert.deepEqual(FILES.toSorted(), languages.map((language) => `${language}.json`).toSorted())
  })

  for (const language of languages) {
    test(`of ${language} are complete, and none is left over`, () => {
      assert.deepEqual(faultsOf(language, wordsOf(language)), [])
    })

    // Of two the last one counts, on pages that the first was written for.
    test(`of ${language} are said once for each key`, () => {
      const keys = [...fileOf(language).matchAll(/^ {2}"([^"]+)":/gm)].map(([, key]) => key)
      assert.ok(keys.length >= Object.keys(wordsOf(language)).length)
      assert.deepEqual(
        keys.filter((key, index) => keys.indexOf(key) !== index),
        [],
      )
    })
  }

  test('of Arabic have six forms where English has two', () => {
    assert.deepEqual(formsOf('ar').toSorted(), ['few', 'many', 'one', 'two', 'zero'])
    assert.ok(Object.keys(english).filter((key) => split(key)[1]).length >= 4)
  })

  // biome-ignore format: one row, one line
  const broken: [string, string, (words: Words) => void, string][] = [
    ['a key is missing', 'de', (words) => { delete words['PW_SHORT'] }, 'PW_SHORT is missing'],
    ['a key is left over', 'de', (words) => { words['PW_SHRT'] = 'x' }, 'PW_SHRT is spoken by nothing'],
    ['a form is missing', 'ar', (words) => { delete words['TOO_MANY.few'] }, 'TOO_MANY.few is missing'],
    ['only one form was begun', 'ar', (words) => { words['PW_SHORT.two'] = 'x {n}' }, 'PW_SHORT.few is missing'],
    ['a form is of another language', 'de', (words) => { words['TOO_MANY.few'] = 'x {n}' }, 'TOO_MANY.few is a form that the language does not have'],
    ['a place is missing', 'de', (words) => { words['PW_SHORT'] = 'zu kurz' }, 'PW_SHORT has other places for values'],
    ['a place is misspelt', 'ar', (words) => { words['action.go'] = '{ap}' }, 'action.go has other places for values'],
    ['it says please', 'de', (words) => { words['PW_EMPTY'] = 'Bitte Passwort eingeben' }, 'PW_EMPTY accuses or apologises'],
    ['it says please', 'ar', (words) => { words['PW_EMPTY'] = 'يرجى إدخال كلمة مرور' }, 'PW_EMPTY accuses or apologises'],
    ['it was not translated', 'de', (words) => { words['time.stay'] = english['time.stay'] ?? '' }, 'time.stay is English'],
    ['it is empty', 'ar', (words) => { words['time.stay'] = ' ' }, 'time.stay is empty, ends with a full stop, or shouts'],
  ]
  for (const [title, language, change, fault] of broken) {
    test(`of ${language} are not complete when ${title}`, () => {
      const words = wordsOf(language)
      change(words)
      assert.ok(faultsOf(language, words).includes(fault))
    })
  }
})

describe('every page in every state', () => {
  const views = createViews({ folders: [VIEWS], cache: true, organization: () => 'Northwind', isStrict: true })
  for (const language of others) {
    test(`has words in ${language}, its language and direction, and a way to the others`, () => {
      for (const state of allStates) {
        const html = state.render(views, undefined, language, '/here?a=1')
        const english = state.render(views, undefined, 'en', '/here?a=1')
        assert.ok(
          html.startsWith(`<!doctype html>\n<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">`),
        )
        assert.doesNotMatch(html.replaceAll(/ data-\w+="[^"]*"/g, ''), /\{\w+[},]/, state.name)
        for (const part of ['title', 'h1']) {
          const wordsIn = (page: string) => new RegExp(`<${part}[^>]*>([^<]*)`).exec(page)?.[1]
          assert.notEqual(wordsIn(html), wordsIn(english), state.name)
        }
        const hasForm = html.includes('id="form"')
        for (const other of languages.filter((one) => one !== language)) {
          const button = `<button form="form" name="language" value="${other}" lang="${other}">`
          const link = `<a href="/here?a=1&amp;language=${other}" lang="${other}" hreflang="${other}">`
          assert.ok(html.includes(hasForm ? button : link), `${state.name}: ${other}`)
        }
      }
    })
  }

  test('calls each language by its own name', () => {
    const html = allStates[0]?.render(views, undefined, 'de', '/here') ?? ''
    const names = [...html.matchAll(/<\w+[^>]* lang="(\w+)"[^>]*>([^<]+)<\/(?:button|span)>/g)].map(
      ([, tag, name]) => `${tag} ${name}`,
    )
    assert.deepEqual(names, ['en English', 'ar العربية', 'de Deutsch'])
    assert.match(html, /<span lang="de" aria-current="true">/)
  })

  test('shows no switcher where there is but one language, and none on a page that is not found again', () => {
    const state = allStates.find(({ name }) => name === 'message: not found')
    assert.doesNotMatch(state?.render(views, undefined, 'en') ?? '', /data-part="languages"/)
    const one = withFolder({ 'en.json': '{}' }, (folder) => languagesIn([folder]))
    assert.deepEqual(one, ['en'])
  })
})

describe('values in words', () => {
  const arabic = loadMessages([VIEWS], 'ar', true)
  const german = loadMessages([VIEWS], 'de', true)
  const say = (key: string, values: Record<string, string | number | string[]>) =>
    arabic.t({ key, values }).replaceAll(/[\u2066-\u2069]/g, '')

  for (const [n, words] of [
    [0, 'أقل من دقيقة'],
    [1, 'دقيقة واحدة'],
    [2, 'دقيقتين'],
    [3, '3 دقائق'],
    [11, '11 دقيقة'],
    [100, '100 دقيقة'],
  ] as const) {
    test(`${n} in Arabic`, () => assert.match(say('time.body', { n }), new RegExp(`بعد ${words}\\.`)))
  }

  test('numbers are grouped as people do', () => {
    assert.equal(german.t({ key: 'PW_LONG', values: { n: 4096 } }), 'Das Passwort darf höchstens 4.096 Zeichen haben')
  })

  test('a list is joined by the word for or', () => {
    const values = { prefix: 'NOPE', list: ['STAFF', 'CUSTOMERS', 'GUESTS'] }
    assert.match(german.t({ key: 'STORE_UNKNOWN', values }), /verwenden Sie STAFF, CUSTOMERS oder GUESTS$/)
    assert.match(say('STORE_UNKNOWN', values), /STAFF أو CUSTOMERS أو GUESTS$/)
  })

  test('a German noun keeps its capital in the middle of a sentence', () => {
    const values = { attribute: 'Telefonnummer' }
    assert.equal(german.t({ key: 'ATTR_EMPTY', values }), 'Diese Angabe fehlt noch: Telefonnummer')
  })

  test('in Arabic each value is kept apart, and nowhere else', () => {
    const message = { key: 'action.go', values: { app: 'Travel!' } }
    assert.equal(arabic.t(message), 'الذهاب إلى \u2068Travel!\u2069')
    assert.equal(german.t(message), 'Zu Travel!')
  })

  test('so is each item of a list, whose words for or belong to the sentence', () => {
    const values = { prefix: 'NOPE', list: ['STAFF', 'CUSTOMERS'] }
    assert.match(arabic.t({ key: 'STORE_UNKNOWN', values }), /[^\u2068]\u2068STAFF\u2069 أو \u2068CUSTOMERS\u2069$/)
  })

  test('what a region lacks it takes from its language, and that from English', () => {
    const said = withFolder(
      {
        'pt.json': '{ "login.submit": "Entrar", "login.password": "Palavra-passe" }',
        'pt-BR.json': '{ "login.password": "Senha" }',
      },
      (folder) => {
        assert.deepEqual(languagesIn([folder, VIEWS]), ['en', 'ar', 'de', 'pt', 'pt-BR'])
        const brazilian = loadMessages([folder, VIEWS], 'pt-BR', true)
        return ['login.password', 'login.submit', 'login.username'].map((key) => brazilian.t({ key }))
      },
    )
    assert.deepEqual(said, ['Senha', 'Entrar', 'Username'])
  })
})

/** A folder of views with these messages, for as long as `work` takes. */
function withFolder<Result>(files: Words, work: (folder: string) => Result): Result {
  const folder = mkdtempSync(path.join(tmpdir(), 'messages-'))
  try {
    mkdirSync(path.join(folder, 'messages'))
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, 'messages', name), text)
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
