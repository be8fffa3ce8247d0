// The gallery: it shows every page there is, in every language and theme, and leads nowhere.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { themesToShow } from '../src/demo/gallery.ts'
import { allStates } from '../src/specimens/all.ts'
import type { PageState } from '../src/specimens/state.ts'
import { openBrowser } from './support/browser.ts'
import { type Gallery, openGallery } from './support/gallery.ts'
import { emptyPlace, OURS, writeTheme } from './support/themes.ts'

const LANGUAGES = ['en', 'ar', 'de']

describe('the gallery', () => {
  const { folder, remove } = emptyPlace()
  const own = writeTheme(folder, { 'messages/en.json': '{ "actions.create": "Join us" }' })
  let gallery: Gallery
  before(async () => {
    const themes = [...themesToShow(own), path.join(folder, 'nowhere')]
    gallery = await openGallery({ themes })
  })
  after(async () => {
    await gallery.stop()
    remove()
  })

  it('lists every state in our pages, the sample and a theme of your own, in every language, and each is there', async () => {
    const list = await (await fetch(`${gallery.url}/gallery`)).text()
    const places = [...list.matchAll(/<a href="(\/gallery\/[^"]+)" hreflang="(\w+)"/g)]
    assert.equal(places.length, allStates.length * 3 * LANGUAGES.length)
    for (const [, place = '', language = ''] of places) {
      const answer = await fetch(gallery.url + place)
      assert.equal(answer.status, 200, place)
      assert.match(await answer.text(), new RegExp(`<html lang="${language}"`), place)
    }
  })

  it('shows a theme as it is: its words, its stylesheet, its pictures', async () => {
    const state = stateOf('register: first view')
    assert.match(await (await fetch(gallery.addressOf(state, 'en', own))).text(), />Join us</)
    const sample = await (await fetch(gallery.addressOf(state, 'en', 'sample'))).text()
    const files = [...sample.matchAll(/(?:href|src)="(\/theme\/[^"]+)"/g)]
    assert.ok(files.length >= 3)
    for (const [, file] of files) assert.equal((await fetch(`${gallery.url}${file}`)).status, 200, file)
  })

  it('shows the same state again whatever is pressed, and in another language where that is chosen', async () => {
    for (const name of ['register: first view', 'message: expired', 'logout: an application asked']) {
      const html = await (await fetch(gallery.addressOf(stateOf(name)))).text()
      const places = [...html.matchAll(/<(?:a|form)\b[^>]* (?:href|action)="(\/[^"]*)"/g)].map(
        ([, place = '']) => place,
      )
      assert.ok(places.length > 0)
      for (const place of places) {
        assert.match(place, /^\/gallery\//)
        for (const method of ['GET', 'POST']) assert.equal((await fetch(gallery.url + place, { method })).status, 200)
      }
    }
    const form = await openBrowser().open(gallery.addressOf(stateOf('register: first view')))
    assert.match((await form.press('Deutsch')).html, /<html lang="de"/)
    assert.match((await form.press('Create account')).html, /<html lang="en"/)
    const message = await openBrowser().open(gallery.addressOf(stateOf('message: expired')))
    assert.match((await message.click('العربية')).html, /<html lang="ar" dir="rtl"/)
  })

  it('has a state of every page that a request or a sign-in can end on', async () => {
    const words: Record<string, string> = JSON.parse(readFileSync(path.join(OURS.views, 'messages/en.json'), 'utf8'))
    const codes = Object.keys(words).flatMap((key) => /^page\.(.+)\.title$/.exec(key)?.[1] ?? [])
    assert.ok(codes.length > 25)
    const shown = await Promise.all(allStates.map(async (state) => (await fetch(gallery.addressOf(state))).text()))
    const all = shown.join()
    const missing = codes.filter((code) => !all.includes(`data-msg="${code.toUpperCase().replaceAll('-', '_')}"`))
    assert.deepEqual(missing, [])
  })
})

function stateOf(name: string): PageState {
  return allStates.find((one) => one.name === name) ?? assert.fail(name)
}
