// What operators choose in the console: what it may be, what becomes of it, and that nothing wrong with it can spoil a page.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { type Logger, pino } from 'pino'
import { listChanges } from '../src/db/changes.ts'
import { allStates } from '../src/specimens/all.ts'
import { NOW } from '../src/specimens/state.ts'
import { checkAppearance, NO_APPEARANCE, type Unjudged } from '../src/themes/appearance.ts'
import { readBeneath } from '../src/themes/beneath.ts'
import { loadTheme } from '../src/themes/load.ts'
import { readPicture } from '../src/themes/picture.ts'
import { createPreview } from '../src/themes/preview.ts'
import {
  currentAppearance,
  discardDraft,
  history,
  publish,
  readDraft,
  rollBack,
  saveDraft,
} from '../src/themes/publish.ts'
import { createPublished, type Published } from '../src/themes/published.ts'
import { KINDS, stylesheetOf, TOKENS } from '../src/themes/tokens.ts'
import { createViews, type Views } from '../src/web/views.ts'
import { changed, HOSTILE, NORTHERN, PNG, SOUND_PICTURES, svg } from './support/appearances.ts'
import { holds } from './support/arbitraries.ts'
import { openHouse, type TestHouse } from './support/house.ts'
import { OURS } from './support/themes.ts'

const OPERATOR = { name: 'grace' }
const ADA = { name: 'ada' }
const FAINT = changed({ tokens: { light: { 'color-muted': '#aaaaaa' }, dark: {} } })

let on: TestHouse
let here: Views
/** Drafts and publishes; returns the id under which it is in use. */
async function putInUse(appearance: Unjudged, note = ''): Promise<number> {
  const { version } = await readDraft(on.house)
  const saved = await saveDraft(on.house, { version, appearance }, OPERATOR)
  assert.ok(saved.kind === 'saved', JSON.stringify(saved))
  const published = await publish(on.house, { version: saved.version, note, useAnyway: false }, OPERATOR)
  assert.ok(published.kind === 'published', JSON.stringify(published))
  return published.id
}

const everyPage = (views: Views, language = 'en') => allStates.map((state) => state.render(views, undefined, language))
const contents = () => on.rows('SELECT * FROM appearances ORDER BY id')

/** The pages of a process, at a time that stands still. */
function viewsOf({ look, words }: Published): Views {
  return createViews({
    folders: [OURS.views],
    cache: true,
    organization: () => 'Northwind',
    now: () => NOW,
    look,
    words,
  })
}

/** The same house in another process: its own connection, and pages that know of the database what they read of it. */
function elsewhere(log: Logger = on.house.log) {
  const { db } = on.another()
  const published = createPublished(db, on.house.appearance.beneath, log)
  return { db, published, views: viewsOf(published) }
}

describe('what operators choose in the console:', () => {
  before(async () => {
    on = await openHouse()
    here = viewsOf(on.house.appearance)
  })
  after(() => on.drop())
  beforeEach(async () => {
    await on.rows('DELETE FROM appearances')
    await on.house.appearance.reread()
  })

  describe('an appearance', () => {
    it('may have a value of each kind', () => {
      assert.deepEqual(checkAppearance(NORTHERN, on.house.appearance.beneath), [])
      assert.deepEqual(checkAppearance(NO_APPEARANCE, on.house.appearance.beneath), [])
    })

    for (const [what, picture] of Object.entries(SOUND_PICTURES)) {
      it(`may have ${what} for a logo`, () => {
        assert.deepEqual(readPicture(picture.content), { picture })
      })
    }

    for (const [what, appearance, field, says] of HOSTILE) {
      it(`with ${what} is refused with a sentence, and nothing is kept of it`, async () => {
        const saved = await saveDraft(on.house, { version: 0, appearance }, OPERATOR)
        assert.ok(saved.kind === 'refused', JSON.stringify(saved))
        const faults = saved.faults.map((fault) => [fault.field.join('.'), fault.sentence])
        assert.equal(faults.length, 1, JSON.stringify(faults))
        assert.equal(faults[0]?.[0], field)
        assert.match(faults[0]?.[1] ?? '', says)
        assert.deepEqual(await contents(), [])
      })
    }

    it('with several things wrong is told of all of them', () => {
      const wrong = { tokens: { light: { radius: 'x', 'color-bg': 'y' }, dark: {} }, words: { en: { x: 'y' }, fr: {} } }
      assert.deepEqual(
        checkAppearance(wrong, on.house.appearance.beneath).map(({ field }) => field.join('.')),
        ['tokens.light.color-bg', 'tokens.light.radius', 'words.en.x', 'words.fr'],
      )
    })

    it('makes a stylesheet of declarations of tokens and nothing else, whatever is tried', () => {
      const example = fc.constantFrom(...Object.values(KINDS).map((kind) => kind.example))
      const nasty = fc.constantFrom(
        ';',
        '}',
        '{',
        '/*',
        '*/',
        '\\',
        '"',
        "'",
        'url(',
        '@import',
        '</style>',
        '\n',
        '!important',
      )
      const value = fc.oneof(
        example,
        fc.string(),
        fc.tuple(example, nasty, fc.string()).map((parts) => parts.join('')),
      )
      const values = fc.dictionary(fc.constantFrom(...Object.keys(TOKENS)), value, { maxKeys: 2 })
      let sound = 0
      holds<[Record<string, string>]>(2_000, [values], (light) => {
        const tokens = { light, dark: {} }
        const faults = checkAppearance({ tokens, words: {} }, on.house.appearance.beneath)
        if (faults.some(({ isFaint }) => !isFaint)) return
        sound += 1
        const lines = stylesheetOf(tokens).split('\n')
        const isPlain =
          /^(?:@media [a-z (:)-]+ \{|:root \{|\}| {2}--jit-[\w-]+: (?:#[0-9a-f]{3,6}|[\d.]+[a-z]*|[\w" ,-]+);|)$/i
        assert.deepEqual(
          lines.filter((line) => !isPlain.test(line)),
          [],
        )
      })
      assert.ok(sound > 50, `${sound} were sound`)
    })

    it('says with numbers which colours are too faint, each once, at the field that was changed', () => {
      assert.deepEqual(checkAppearance(FAINT, on.house.appearance.beneath), [
        ...['page', 'sheet'].map((back) => ({
          field: ['tokens', 'light', 'color-muted'],
          sentence: `color-muted on color-${back} has a contrast of ${back === 'page' ? 2.1 : 2.3} to 1 on light pages, and needs 4.5 to 1.`,
          isFaint: true,
        })),
      ])
    })

    it('may lie over a theme: its keys are known, its colours count, and what is its fault is not blamed on what lies over it', () => {
      const { theme } = loadTheme('sample', OURS, { cache: true })
      const beneath = readBeneath(OURS, theme)
      assert.deepEqual(
        checkAppearance({ tokens: NO_APPEARANCE.tokens, words: { en: { 'sample.where': 'Here' } } }, beneath),
        [],
      )
      // Our accent is far from white, that of the sample is not the same.
      const faint = {
        ...beneath,
        tokens: { ...beneath.tokens, light: { ...beneath.tokens.light, 'color-warn': '#eeeeee' } },
      }
      assert.deepEqual(checkAppearance(NO_APPEARANCE, faint), [])
      const white = { tokens: { light: { 'color-on-accent': '#0a6b4f' }, dark: {} }, words: {} }
      const [fault] = checkAppearance(white, faint)
      assert.match(fault?.sentence ?? '', /color-on-accent on color-accent has a contrast of 1 to 1/)
    })
  })

  describe('a draft', () => {
    it('changes nothing for people', async () => {
      const plain = everyPage(here)
      const kept = on.house.appearance.files().size
      const saved = await saveDraft(on.house, { version: 0, appearance: NORTHERN }, OPERATOR)
      assert.equal(saved.kind, 'saved')
      await on.house.appearance.reread()
      assert.deepEqual(everyPage(here), plain)
      assert.equal(on.house.appearance.files().size, kept)
      assert.deepEqual(await currentAppearance(on.house), NO_APPEARANCE)
    })

    it('is found again as it was saved, with who saved it and when', async () => {
      await saveDraft(on.house, { version: 0, appearance: NORTHERN }, OPERATOR)
      const draft = await readDraft(on.house)
      assert.deepEqual(draft.appearance, NORTHERN)
      assert.deepEqual(draft.saved, { by: 'grace', at: on.clock.now })
    })

    it('begins as what is in use, and is forgotten on demand', async () => {
      await putInUse(NORTHERN)
      const draft = await readDraft(on.house)
      assert.deepEqual(draft, { version: 0, appearance: NORTHERN })
      const saved = await saveDraft(on.house, { version: 0, appearance: { ...NORTHERN, words: {} } }, OPERATOR)
      assert.ok(saved.kind === 'saved')
      assert.equal(await discardDraft(on.house, saved.version + 1, OPERATOR), false)
      assert.equal(await discardDraft(on.house, saved.version, OPERATOR), true)
      assert.deepEqual(await readDraft(on.house), draft)
    })

    it('that somebody else has changed meanwhile is not overwritten: theirs is shown', async () => {
      const first = await saveDraft(on.house, { version: 0, appearance: NORTHERN }, ADA)
      assert.ok(first.kind === 'saved')
      const second = await saveDraft(on.house, { version: first.version, appearance: { ...NORTHERN, words: {} } }, ADA)
      assert.ok(second.kind === 'saved')
      for (const version of [0, first.version]) {
        const late = await saveDraft(on.house, { version, appearance: NO_APPEARANCE }, OPERATOR)
        assert.ok(late.kind === 'changed')
        assert.equal(late.draft.version, second.version)
        assert.equal(late.draft.saved?.by, 'ada')
        assert.equal((await publish(on.house, { version, note: '', useAnyway: false }, OPERATOR)).kind, 'changed')
      }
      // Published meanwhile, which is a change as well.
      assert.equal(
        (await publish(on.house, { version: second.version, note: '', useAnyway: false }, ADA)).kind,
        'published',
      )
      assert.equal(
        (await saveDraft(on.house, { version: second.version, appearance: NORTHERN }, OPERATOR)).kind,
        'changed',
      )
    })

    it('is one, however many save their first at once', async () => {
      const looks = ['1px', '2px', '3px', '4px'].map((radius) => changed({ tokens: { light: { radius }, dark: {} } }))
      const saved = await Promise.all(
        looks.map((appearance) => saveDraft(on.house, { version: 0, appearance }, OPERATOR)),
      )
      assert.deepEqual(saved.map(({ kind }) => kind).sort(), ['changed', 'changed', 'changed', 'saved'])
      assert.equal((await contents()).length, 1)
    })

    it('may have colours that are too faint; to publish them one has to say so', async () => {
      const saved = await saveDraft(on.house, { version: 0, appearance: FAINT }, OPERATOR)
      assert.ok(saved.kind === 'saved')
      const refused = await publish(on.house, { version: saved.version, note: '', useAnyway: false }, OPERATOR)
      assert.ok(refused.kind === 'refused')
      assert.match(refused.faults[0]?.sentence ?? '', /2\.1 to 1/)
      assert.deepEqual(await currentAppearance(on.house), NO_APPEARANCE)
      const published = await publish(on.house, { version: saved.version, note: '', useAnyway: true }, OPERATOR)
      assert.equal(published.kind, 'published')
      assert.deepEqual(await currentAppearance(on.house), FAINT)
    })

    it('is not written again when it is equal, nor is what is in use published again', async () => {
      const saved = await saveDraft(on.house, { version: 0, appearance: NORTHERN }, OPERATOR)
      assert.ok(saved.kind === 'saved')
      let before = await contents()
      assert.equal(
        (await saveDraft(on.house, { version: saved.version, appearance: { ...NORTHERN } }, ADA)).kind,
        'same',
      )
      assert.deepEqual(await contents(), before)
      await publish(on.house, { version: saved.version, note: '', useAnyway: false }, OPERATOR)
      before = await contents()
      assert.equal((await saveDraft(on.house, { version: 0, appearance: { ...NORTHERN } }, ADA)).kind, 'same')
      assert.equal((await publish(on.house, { version: 0, note: '', useAnyway: false }, ADA)).kind, 'same')
      const [{ id } = { id: 0 }] = await history(on.house)
      assert.equal((await rollBack(on.house, { id, note: '' }, ADA)).kind, 'same')
      assert.deepEqual(await contents(), before)
    })

    it('is shown on every page in every state before it is published, with files at an address of its own', async () => {
      const { beneath } = on.house.appearance
      const preview = createPreview([OURS.views], beneath, '/console/appearance/files')
      const here = '/console/appearance/preview'
      for (const { slug } of preview.specimens) {
        const html = preview.render(NORTHERN, { slug, language: 'en', here }) ?? ''
        const [, sheet = ''] = /href="\/console\/appearance\/files(\/[\w-]{16}\.css)"/.exec(html) ?? assert.fail(slug)
        const [, logo = ''] =
          /<img src="\/console\/appearance\/files(\/[\w-]{16}\.svg)"/.exec(html) ?? assert.fail(slug)
        assert.deepEqual([...preview.files(NORTHERN).keys()], [sheet, logo])
        for (const [, address] of html.matchAll(/<(?:a|form)\b[^>]* (?:href|action)="(\/[^"]*)"/g))
          assert.ok(address?.startsWith(here), `${slug}: ${address}`)
        assert.doesNotMatch(html, /http-equiv="refresh"/)
      }
      const [first = { slug: '' }] = preview.specimens
      assert.match(preview.render(NORTHERN, { slug: first.slug, language: 'de', here }) ?? '', />Lieber nicht</)
      assert.doesNotMatch(
        preview.render(NO_APPEARANCE, { slug: first.slug, language: 'de', here }) ?? '',
        />Lieber nicht</,
      )
      assert.equal(preview.render(NORTHERN, { slug: 'nothing', language: 'de', here }), undefined)
      assert.equal(preview.render(NORTHERN, { slug: first.slug, language: 'fr', here }), undefined)
      assert.deepEqual(await contents(), [])
    })
  })

  describe('what is published', () => {
    it('is on every page at once in this process, and in another one when it looks', async () => {
      const other = elsewhere()
      const plain = everyPage(other.views)
      await putInUse(NORTHERN)
      assert.deepEqual(everyPage(other.views), plain)
      await other.published.reread()
      for (const views of [here, other.views]) {
        const look = other.published.look()
        for (const html of everyPage(views)) {
          const sheets = [...html.matchAll(/rel="stylesheet" href="([^"]+)"/g)].map(([, href]) => href)
          assert.deepEqual(sheets, ['/public/style.css', look.stylesheets[1]])
          assert.match(look.stylesheets[1] ?? '', /^\/appearance\/[\w-]{16}\.css$/)
          assert.match(look.logo, /^\/appearance\/[\w-]{16}\.svg$/)
          assert.ok(html.includes(`<img src="${look.logo}"`) && html.includes(`rel="icon" href="${look.logo}"`))
        }
        assert.match(everyPage(views).join(), />Rather not</)
        assert.match(everyPage(views, 'de').join(), />Lieber nicht</)
        assert.doesNotMatch(everyPage(views, 'ar').join(), /Rather not/)
      }
      const css = [...other.published.files().values()].map(({ content }) => String(content)).join()
      assert.match(css, /--jit-radius: 2px;/)
    })

    it('is rolled back likewise, and so is nothing at all', async () => {
      const other = elsewhere()
      const plain = everyPage(other.views)
      const first = await putInUse(NORTHERN, 'the first')
      const northern = everyPage(here)
      await putInUse({ ...NORTHERN, words: {}, logo: PNG })
      on.clock.now = new Date('2027-03-05T10:00:00Z')
      const back = await rollBack(on.house, { id: first, note: 'as it was' }, ADA)
      assert.equal(back.kind, 'published')
      assert.deepEqual(everyPage(here), northern)
      await other.published.reread()
      assert.deepEqual(everyPage(other.views), northern)
      const entries = await history(on.house)
      assert.deepEqual(
        entries.map(({ note, publishedBy }) => [note, publishedBy]),
        [
          ['as it was', 'ada'],
          ['', 'grace'],
          ['the first', 'grace'],
        ],
      )
      assert.deepEqual(entries[0]?.publishedAt, on.clock.now)
      await putInUse(NO_APPEARANCE)
      await other.published.reread()
      assert.deepEqual(everyPage(other.views), plain)
      assert.equal((await rollBack(on.house, { id: 0, note: '' }, ADA)).kind, 'gone')
      assert.equal((await rollBack(on.house, { id: first, note: 'a\nb' }, ADA)).kind, 'refused')
    })

    it('keeps its files while pages that were printed before may ask for them', async () => {
      const { published } = elsewhere()
      await putInUse(NORTHERN)
      await published.reread()
      const before = [...published.files().keys()]
      assert.equal(before.length, 2)
      await putInUse({ ...NO_APPEARANCE, logo: PNG })
      await published.reread()
      assert.deepEqual([...published.files().keys()].slice(0, 2), before)
      assert.equal(published.files().size, 3)
    })

    it('is remembered twenty times, the draft beside it', async () => {
      for (let count = 1; count <= 23; count += 1)
        await putInUse(changed({ tokens: { light: { radius: `${count}px` }, dark: {} } }), `number ${count}`)
      await saveDraft(on.house, { version: 0, appearance: NORTHERN }, OPERATOR)
      const notes = (await history(on.house)).map(({ note }) => note)
      assert.deepEqual([notes.length, notes[0], notes.at(-1)], [20, 'number 23', 'number 4'])
      assert.deepEqual((await readDraft(on.house)).appearance, NORTHERN)
    })

    it('lies over a theme: its stylesheet comes last, and an icon of the theme stays', () => {
      const { theme } = loadTheme('sample', OURS, { cache: true })
      assert.ok(theme)
      const beneath = readBeneath(OURS, theme)
      const preview = createPreview([...theme.folders, OURS.views], beneath, '/files')
      const html = preview.render(NORTHERN, { slug: 'register-first-view', language: 'en', here: '/' }) ?? assert.fail()
      const sheets = [...html.matchAll(/rel="stylesheet" href="([^"]+)"/g)].map(([, href = '']) => href.split('/')[1])
      assert.deepEqual(sheets, ['public', 'theme', 'theme', 'files'])
      assert.match(html, />Rather not</)
      assert.match(html, /This is the sample theme/)
      const own = { ...beneath, look: () => ({ ...beneath.look(), icon: '/theme/icon.png' }) }
      const withIcon = createPreview([...theme.folders, OURS.views], own, '/files')
      assert.match(
        withIcon.render(NORTHERN, { slug: 'register-first-view', language: 'en', here: '/' }) ?? '',
        /rel="icon" href="\/theme\/icon\.png"/,
      )
    })

    it('puts no markup on a page, whatever its sentences say', () => {
      const preview = createPreview([OURS.views], on.house.appearance.beneath, '/files')
      const said = [
        '" onmouseover="alert(1)',
        "' autofocus onfocus='alert(1)",
        '<script src=//evil.example ',
        'javascript:alert(1)',
        '<%= 1 %>',
      ]
      const keys = ['actions.create', 'actions.decline', 'layout.skip', 'layout.error', 'password.show', 'time.stay']
      const tagsOf = (html: string) =>
        [...html.matchAll(/<\/?[a-z]+(?: [\w-]+(?:="[^"]*")?)*>/g)].map(([tag]) => tag.replace(/="[^"]*"/g, ''))
      for (const sentence of said) {
        const words = { en: Object.fromEntries(keys.map((key) => [key, sentence])) }
        assert.deepEqual(checkAppearance({ ...NO_APPEARANCE, words }, on.house.appearance.beneath), [])
        for (const { slug } of preview.specimens) {
          const pages = [{ ...NO_APPEARANCE, words }, NO_APPEARANCE].map(
            (one) => preview.render(one, { slug, language: 'en', here: '/' }) ?? '',
          )
          assert.deepEqual(tagsOf(pages[0] ?? ''), tagsOf(pages[1] ?? ''), slug)
        }
      }
    })
  })

  it('each change leaves a line of history that says what differs, and what writes nothing leaves none', async () => {
    const [last] = await listChanges(on.house.db, {}, 1)
    const saved = await saveDraft(on.house, { version: 0, appearance: { ...NORTHERN } }, OPERATOR)
    assert.ok(saved.kind === 'saved')
    const same = await saveDraft(on.house, { version: saved.version, appearance: { ...NORTHERN } }, ADA)
    const refused = await saveDraft(on.house, { version: saved.version, appearance: changed({ words: [] }) }, ADA)
    const late = await publish(on.house, { version: 0, note: '', useAnyway: false }, ADA)
    assert.deepEqual([same.kind, refused.kind, late.kind], ['same', 'refused', 'changed'])
    const first = await publish(on.house, { version: saved.version, note: '', useAnyway: false }, OPERATOR)
    assert.ok(first.kind === 'published')
    const { words, logo } = NORTHERN
    const grey = { light: { 'color-muted': '#aaaaaa', radius: '2px' }, dark: {} }
    const second = await saveDraft(on.house, { version: 0, appearance: { tokens: grey, words, logo } as Unjudged }, ADA)
    assert.ok(second.kind === 'saved')
    await publish(on.house, { version: second.version, note: '', useAnyway: true }, ADA)
    await rollBack(on.house, { id: first.id, note: '' }, OPERATOR)
    const third = await saveDraft(on.house, { version: 0, appearance: NO_APPEARANCE }, OPERATOR)
    assert.ok(third.kind === 'saved')
    await discardDraft(on.house, third.version, ADA)
    const lines = (await listChanges(on.house.db, { kind: 'appearance' }, 100)).filter(
      ({ id }) => !last || BigInt(id) > BigInt(last.id),
    )
    assert.deepEqual(
      lines.toReversed().map(({ action, actor }) => `${actor}: ${action}`),
      [
        ...['grace: drafted', 'grace: published', 'ada: drafted', 'ada: published'],
        ...['grace: rolled back', 'grace: drafted', 'ada: draft forgotten'],
      ],
    )
    const { before, after } =
      lines.find(({ actor, action }) => `${actor}: ${action}` === 'ada: published') ?? assert.fail()
    assert.deepEqual(before, {
      'light.color-accent': '#7a1fa2',
      'light.font-body': '"Fira Sans", sans-serif',
      'dark.color-accent': '#e0b0ff',
    })
    const { faint, ...said } = after ?? {}
    assert.deepEqual(said, { 'light.color-muted': '#aaaaaa' })
    assert.match(String(faint), /color-muted on color-page has a contrast of 2\.1 to 1/)
  })

  describe('a row that is broken', () => {
    const insert = (tokens: unknown, words: unknown, logo: Buffer | null = null, type: string | null = null) =>
      on.rows(
        `INSERT INTO appearances (tokens, words, logo, logo_type, created_at, created_by, published_at, published_by)
       VALUES ($1, $2, $3, $4, now(), 'x', now(), 'x')`,
        [JSON.stringify(tokens), JSON.stringify(words), logo, type],
      )

    /** What another process makes of what is in the database, and what it logs. */
    async function read() {
      const lines: { level: number; field?: string; sentence?: string; msg: string }[] = []
      const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) })
      const other = elsewhere(log)
      await other.published.reread()
      return { ...other, lines, left: () => lines.filter(({ level }) => level === 50).map(({ field }) => field) }
    }

    it('loses what is wrong with it, which the log names, and the rest is in use', async () => {
      await insert(
        { light: { radius: '2px', 'color-bg': 'red;}', nothing: '1px' }, dark: 7 },
        { en: { 'actions.decline': 'Rather not', 'actions.create': '<b>', nothing: 'x' }, de: 'x', fr: {} },
        svg('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>').content,
        'image/svg+xml',
      )
      const { views, published, left } = await read()
      assert.deepEqual(left().toSorted(), [
        'logo',
        ...['tokens.dark', 'tokens.light.color-bg', 'tokens.light.nothing'],
        ...['words.de', 'words.en.actions.create', 'words.en.nothing', 'words.fr'],
      ])
      const pages = everyPage(views).join()
      assert.match(pages, />Rather not</)
      assert.match(pages, />Create account</)
      assert.match(pages, /<img src="\/public\/logo\.svg"/)
      assert.deepEqual(
        [...published.files().values()].map(({ content }) => String(content)),
        [':root {\n  --jit-radius: 2px;\n}\n'],
      )
    })

    for (const [tokens, words] of [
      [{}, {}],
      [
        { light: [], dark: null },
        { en: null, de: [] },
      ],
      [{ light: { radius: null }, dark: { __proto__: null } }, { en: { 'actions.create': null } }],
      [{ light: { 'color-bg': { a: 1 } } }, { en: { 'actions.create': ['a'] }, constructor: {} }],
    ]) {
      it(`with ${JSON.stringify(tokens)} and ${JSON.stringify(words)} spoils no page`, async () => {
        const plain = everyPage(elsewhere().views)
        await insert(tokens, words)
        assert.deepEqual(everyPage((await read()).views), plain)
      })
    }

    it('cannot be larger than the database takes', async () => {
      const large = Buffer.alloc(102_401)
      await assert.rejects(insert({}, {}, large, 'image/png'), /appearances_logo_check/)
      await assert.rejects(insert({}, {}, Buffer.alloc(1), 'image/gif'), /appearances_logo_type_check/)
      await assert.rejects(insert({}, {}, Buffer.alloc(1)), /appearances_picture_check/)
      await assert.rejects(insert({ a: 'a'.repeat(10_000) }, {}), /appearances_tokens_check/)
      await assert.rejects(insert({}, { a: 'a'.repeat(400_000) }), /appearances_words_check/)
    })

    it('or a database that is away leaves pages as they were, and the log says it once', async () => {
      await putInUse(NORTHERN)
      const { db, views, published, lines } = await read()
      const before = everyPage(views)
      await db.destroy()
      for (let times = 0; times < 3; times += 1) await published.reread()
      assert.deepEqual(everyPage(views), before)
      assert.deepEqual(
        lines.filter(({ level }) => level >= 40).map(({ msg }) => msg),
        ['the published appearance could not be read: it stays as it was'],
      )
    })
  })
})
