// Which language an answer is in: the person's choice, the application's wish, the browser's word, English.
import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, test } from 'node:test'
import express, { type Request, type Response } from 'express'
import { adoptLanguage, chooseLanguage, hereOf, languageOf } from '../src/web/language.ts'
import { chainOf, closest, directionOf, wishedLanguage } from '../src/web/language-tags.ts'

const OURS = ['en', 'ar', 'de', 'pt-BR']

/** The answer to a request with these headers, its language chosen. */
function answerTo(headers: Record<string, string>, publicUrl = 'https://signin.example'): Response {
  const req = Object.setPrototypeOf(new IncomingMessage(new Socket()), express.request) as Request
  Object.assign(req.headers, headers)
  const res = Object.assign(new ServerResponse(req), { locals: {} }) as unknown as Response
  chooseLanguage(OURS, new URL(publicUrl))(req, res, () => {})
  return res
}

describe('the browser says', () => {
  // biome-ignore format: one row, one line
  const table: [string, string][] = [
    ['de', 'de'], ['de-AT', 'de'], ['DE-at', 'de'], ['de-AT,de;q=0.9,en;q=0.8', 'de'], ['fr,de;q=0.3', 'de'],
    ['en-GB,en;q=0.9,de;q=0.8', 'en'], ['ar-EG', 'ar'], ['pt-BR', 'pt-BR'], ['pt', 'pt-BR'], ['*', 'en'], ['', 'en'],
    ['fr', 'en'], ['de;q=0', 'en'], ['de;q=0.1,en;q=0.2', 'en'], ['ar;q=0.5,*;q=0.1', 'ar'],
  ]
  for (const [said, language] of table) {
    test(`"${said}", and reads ${language}`, () =>
      assert.equal(languageOf(answerTo({ 'accept-language': said })), language))
  }

  test('nothing, and reads English', () => assert.equal(languageOf(answerTo({})), 'en'))

  // biome-ignore format: one row, one line
  const hostile = [
    'de,'.repeat(4000), `${'x'.repeat(10_000)},de`, Array.from({ length: 1000 }, (_, n) => `x${n};q=0.${n}`).join(),
    '../../etc/passwd', '__proto__', 'constructor', 'toString', ';;;,,,q=q', '\u0000', 'de/../ar', '%64%65', 'de_DE', '-', 'q=1',
    `de${'-x'.repeat(5000)}`, `${'*;'.repeat(3000)}`, `${' '.repeat(9000)}de`,
  ]
  for (const said of hostile) {
    test(`${said.length} characters beginning ${JSON.stringify(said.slice(0, 20))}, and reads English at once`, () => {
      const began = performance.now()
      assert.equal(languageOf(answerTo({ 'accept-language': said })), 'en')
      assert.ok(performance.now() - began < 50)
    })
  }
})

describe('the application wishes', () => {
  // biome-ignore format: one row, one line
  const table: [unknown, string | undefined][] = [
    ['de', 'de'], ['de-AT', 'de'], ['de-Latn-AT-1996', 'de'], ['fr-CA fr de en', 'de'], ['fr ar-EG de', 'ar'], ['PT-br', 'pt-BR'],
    ['pt', undefined], ['fr', undefined], ['', undefined], ['   ', undefined], [undefined, undefined], [['de', 'ar'], undefined],
    ['../de', undefined], ['__proto__ constructor', undefined], ['de,ar', undefined], [`${'fr '.repeat(4000)}de`, undefined],
  ]
  for (const [wished, language] of table) {
    test(`${JSON.stringify(wished)?.slice(0, 40)}: ${language ?? 'nothing that there is'}`, () =>
      assert.equal(wishedLanguage(wished, OURS), language))
  }

  test('and is heard before the browser', () => {
    assert.equal(adoptLanguage(answerTo({ 'accept-language': 'ar' }), 'de-CH'), 'de')
    assert.equal(adoptLanguage(answerTo({ 'accept-language': 'ar' }), 'fr'), 'ar')
    assert.equal(adoptLanguage(answerTo({ 'accept-language': 'ar' }), undefined), 'ar')
  })
})

describe('the person chose', () => {
  test('and is heard before everybody else', () => {
    const res = answerTo({ 'accept-language': 'ar', cookie: '__Host-vestibule.language=de' })
    assert.equal(languageOf(res), 'de')
    assert.equal(adoptLanguage(res, 'ar'), 'de')
  })

  test('in the cookie of this origin alone, and among the languages that there are', () => {
    for (const cookie of [
      'vestibule.language=de',
      '__Host-vestibule.language=fr',
      '__Host-vestibule.language=__proto__',
    ]) {
      assert.equal(languageOf(answerTo({ 'accept-language': 'ar', cookie })), 'ar', cookie)
    }
    assert.equal(languageOf(answerTo({ cookie: 'vestibule.language=de' }, 'http://localhost:3000')), 'de')
  })
})

test('a tag without words of its own falls back to the shorter one', () => {
  assert.deepEqual(chainOf('zh-Hant-TW'), ['zh-Hant-TW', 'zh-Hant', 'zh'])
  assert.equal(closest('de-AT', ['en', 'de', 'de-AT']), 'de-AT')
  assert.equal(closest('de-CH', ['en', 'de', 'de-AT']), 'de')
  assert.equal(closest('fr', ['en', 'de']), undefined)
})

test('Arabic and Hebrew run from right to left, whatever their region', () => {
  assert.deepEqual(['ar', 'ar-EG', 'he', 'en', 'de-AT'].map(directionOf), ['rtl', 'rtl', 'rtl', 'ltr', 'ltr'])
})

describe('a page is found again', () => {
  const at = (method: string, originalUrl: string, more: object = {}) =>
    hereOf(Object.assign(new IncomingMessage(new Socket()), { method, originalUrl, ...more }))

  test('at its own address, and the page of a form at the address of the form', () => {
    assert.equal(at('GET', '/a?b=1&c'), '/a?b=1&c')
    assert.equal(at('POST', '/a?b=1', { path: '/a', body: { sessionDataKey: 'f&1' } }), '/a?sessionDataKey=f%261')
    assert.equal(at('POST', '/a', { path: '/a', body: undefined }), '/a')
  })

  test('nowhere when that could be another house, or is no address at all', () => {
    for (const address of [
      '//evil.example/',
      '/\\evil.example',
      '/.//evil.example',
      'https://evil.example/',
      '*',
      '',
      `/${'a'.repeat(9000)}`,
    ])
      assert.equal(at('GET', address), undefined, address)
    assert.equal(hereOf(undefined), undefined)
  })
})
