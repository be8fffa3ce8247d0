// Random purposes, changed while people are on their way and on the page, and random answers, forged ones among them: what is kept and recorded is
// what a model says that is a few lines long.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { allow, withdraw } from '../src/db/account-choices.ts'
import { lastVersion } from '../src/db/purpose-versions.ts'
import { holdsThroughout } from './support/arbitraries.ts'
import { type Browser, openBrowser, type Page } from './support/browser.ts'
import { ConsentModel, SENT } from './support/consent-model.ts'
import { type Product, startProduct } from './support/product.ts'
import { addPurpose, editJit, editPurpose } from './support/purposes.ts'
import { type Newcomer, newcomer, postForm, visit } from './support/visits.ts'

const IDS = ['recover', 'office', 'letters']
/** The idp sends the first three and never the last. */
const NAMES = ['email', 'name', 'nickname', 'zoneinfo']
const KEYS = [...IDS.flatMap((id) => NAMES.map((name) => `${id}:${name}`)), 'nothing:email', 'recover:__proto__', '']
const DAYS = 86_400_000

const anyNeeds = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), fc.boolean()), { selector: ([name]) => name, minLength: 1 })
  .map((entries) => Object.fromEntries(entries))
const anyTicks = fc.subarray(KEYS)
const id = fc.constantFrom(...IDS)
const key = fc.constantFrom(...KEYS.slice(0, IDS.length * NAMES.length))
const edit = fc.record({
  kind: fc.constant('edit' as const),
  id,
  words: fc.option(fc.constantFrom('one', 'two', 'three'), { nil: undefined, freq: 2 }),
  needs: fc.option(anyNeeds, { nil: undefined, freq: 2 }),
  isSmall: fc.boolean(),
})
const anyStep = fc.oneof(
  { weight: 5, arbitrary: edit },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('come' as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('save' as const), ticks: anyTicks }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('all' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('no' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('day' as const), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('late' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mode' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('withdraw' as const, 'allow' as const), key }) },
)
type Step = typeof anyStep extends fc.Arbitrary<infer One> ? One : never

describe('what is kept and recorded', () => {
  let product: Product
  let reasons = 0
  before(async () => {
    product = await startProduct({ modes: ['consent'], change: (declared) => mapping(declared) })
    await addPurpose(house(), {
      id: 'letters',
      purpose: 'one',
      description: 'Why',
      piiCategories: [{ name: 'email', mandatory: false }],
    })
  })
  after(() => product.stop())

  const house = () => product.running.house
  const mapping = (declared: Product['declared']): Product['declared'] => ({
    ...declared,
    identityProviders: declared.identityProviders.map((idp) => ({
      ...idp,
      claims: { ...idp.claims, mappings: Object.fromEntries(NAMES.map((name) => [name, name])) },
    })),
  })

  it('is what the model says, whatever changes and whatever people answer', () =>
    holdsThroughout(
      14,
      [
        fc.boolean(),
        fc.array(anyNeeds, { minLength: 3, maxLength: 3 }),
        fc.array(anyStep, { minLength: 4, maxLength: 14 }),
      ],
      walk,
    ))

  async function walk(isSilentAtFirst: boolean, needs: Record<string, boolean>[], steps: Step[]): Promise<void> {
    const model = new ConsentModel()
    const person = newcomer({ nickname: 'Nick', zoneinfo: undefined })
    product.clock.now = new Date()
    await setMode(model, isSilentAtFirst)
    for (const [index, one] of IDS.entries()) {
      model.purposes.set(one, { words: '', spoken: 0, version: 0, needs: {}, isDue: false })
      await change(model, one, { words: 'one', needs: needs[index] ?? {}, acceptBy: undefined })
    }
    const deadlines = new Set<string>()
    let open: { browser: Browser; page: Page; shown: string; wasDue: boolean; isNew: boolean } | undefined
    for (const step of [{ kind: 'come' as const }, { kind: 'all' as const }, ...steps]) {
      const title = JSON.stringify(step)
      switch (step.kind) {
        case 'edit': {
          const is = model.purposes.get(step.id) ?? assert.fail()
          await change(model, step.id, {
            words: step.words ?? is.words,
            needs: step.needs ?? is.needs,
            isSmall: step.isSmall,
          })
          break
        }
        case 'day':
          await editPurpose(house(), step.id, (purpose) => ({ ...purpose, acceptBy: dayAfter() }))
          deadlines.add(step.id)
          markDue(model, deadlines)
          break
        case 'late':
          product.clock.now = new Date(Date.now() + 3 * DAYS)
          // A page that is open that long is gone.
          open = undefined
          markDue(model, deadlines)
          break
        case 'mode':
          if (model.person !== 'unknown') await setMode(model, !model.isSilent)
          break
        case 'withdraw':
        case 'allow':
          await inAccount(model, person, step.kind, step.key)
          break
        case 'come': {
          const browser = openBrowser()
          const page = await visit(product, 'consent', person, { browser })
          const asked = model.question()
          assert.deepEqual(boxesOn(page).sort(), asked.map(({ key: box }) => box).sort(), title)
          open = undefined
          if (asked.length > 0)
            open = { browser, page, shown: saidBy(model), wasDue: isDue(model), isNew: model.person === 'unknown' }
          else if (model.person === 'unknown') join(model)
          else model.keep(SENT)
          break
        }
        case 'save':
        case 'all': {
          if (!open) break
          const ticks = step.kind === 'save' ? step.ticks : model.question().map(({ key: box }) => box)
          const status = await answer(open, ticks, open.isNew ? 'Create account' : 'Save my choice')
          if (model.question().length === 0 && model.person !== 'unknown') model.keep(SENT)
          else if (open.shown !== saidBy(model) || !model.save(ticks)) {
            assert.equal(status, 422, title)
            break
          }
          assert.equal(status, 303, title)
          open = undefined
          break
        }
        case 'no': {
          if (!open) break
          const status = await answer(
            open,
            [],
            open.isNew ? 'Do not create an account' : open.wasDue ? 'Do not sign in' : 'Not now',
          )
          const isShownAgain = !open.isNew && model.question().length > 0 && isDue(model) && !open.wasDue
          assert.equal(status, isShownAgain ? 422 : 303, title)
          const isLetIn = !open.isNew && (model.question().length === 0 || !isDue(model))
          if (isLetIn) model.keep(SENT)
          open = undefined
          break
        }
        default:
          step satisfies never
      }
      assert.deepEqual(await recorded(person), { records: model.records, kept: [...model.kept].sort() }, title)
    }
  }

  /** What the person is told, and whether it can be put off. */
  const saidBy = (model: ConsentModel) =>
    JSON.stringify([
      model.person === 'unknown',
      [...model.purposes].map(([one, is]) => {
        const boxes = model.question().filter(({ id: of }) => of === one)
        const rows = model.person === 'unknown' ? Object.keys(is.needs) : asksFor(model, one)
        return boxes.length === 0 && model.person !== 'unknown'
          ? ''
          : [is.words, rows.map((name) => [name, is.needs[name]]), is.isDue]
      }),
    ])
  const isDue = (model: ConsentModel) => model.question().some(({ isDue: is }) => is)

  /** The rows of a purpose, those without a box among them. */
  function asksFor(model: ConsentModel, one: string): string[] {
    const everything = Object.assign(new ConsentModel(), model, { kept: new Set(NAMES) })
    return everything.question().flatMap(({ id: of, name }) => (of === one ? [name] : []))
  }

  function join(model: ConsentModel): void {
    model.person = 'made silently'
    for (const [one, is] of model.purposes) model.seen.set(one, structuredClone(is))
    model.keep(SENT)
  }

  function markDue(model: ConsentModel, deadlines: ReadonlySet<string>): void {
    const isLate = product.clock.now.getTime() > Date.now() + DAYS
    for (const [one, is] of model.purposes) is.isDue = isLate && deadlines.has(one)
  }

  const dayAfter = () => new Date(Date.now() + DAYS).toISOString().slice(0, 10)

  async function change(
    model: ConsentModel,
    one: string,
    {
      words,
      needs,
      isSmall = false,
      ...rest
    }: { words: string; needs: Record<string, boolean>; isSmall?: boolean; acceptBy?: undefined },
  ): Promise<void> {
    reasons += 1
    const reason = isSmall ? { wordingOnly: `reason ${reasons}` } : {}
    const is = model.purposes.get(one) ?? assert.fail()
    await editPurpose(house(), one, ({ wordingOnly: _, acceptBy, ...purpose }) => ({
      ...purpose,
      ...(acceptBy === undefined || 'acceptBy' in rest ? {} : { acceptBy }),
      ...reason,
      purpose: words,
      piiCategories: Object.entries(needs).map(([name, mandatory]) => ({ name, mandatory })),
    }))
    const isOther = is.words !== words || JSON.stringify(is.needs) !== JSON.stringify(needs)
    if (isOther) is.version += 1
    if (is.words !== words && !isSmall) is.spoken = is.version
    Object.assign(is, { words, needs })
  }

  async function setMode(model: ConsentModel, isSilent: boolean): Promise<void> {
    await editJit(house(), 'consent', { scheme: isSilent ? 'PROVISION_SILENTLY' : 'PROMPT_CONSENT' })
    model.isSilent = isSilent
  }

  /** As My Account does: the record, and the value. */
  async function inAccount(
    model: ConsentModel,
    person: Newcomer,
    what: 'withdraw' | 'allow',
    box: string,
  ): Promise<void> {
    const state = model.holds.get(box)
    if (state === undefined || (what === 'withdraw') !== (state === 'given')) return
    const [purposeId = '', attribute = ''] = box.split(':')
    const [user] = await product.rows<{ user_id: string }>('SELECT user_id FROM identities WHERE subject = $1', [
      person.sub,
    ])
    const userId = user?.user_id ?? assert.fail()
    const notice = { hash: 'of this test', language: 'en', content: '{}' }
    const version = (await lastVersion(house().db, purposeId))?.version
    const chosen = { userId, purposeId, attribute, notice, version, now: product.clock.now }
    await (what === 'withdraw' ? withdraw(house(), chosen) : allow(house().db, chosen))
    model.record(box, what === 'withdraw' ? 'withdrawn' : 'given')
    model.seen.set(box, structuredClone(model.purposes.get(purposeId) ?? assert.fail()))
    model.keep([])
  }

  /** Sends the form with these ticks and what is typed; returns the status. */
  async function answer(
    { browser, page }: { browser: Browser; page: Page },
    ticks: string[],
    button: string,
  ): Promise<number> {
    const { url, fields } = page.submission(button)
    fields.delete('consent')
    for (const tick of ticks) fields.append('consent', tick)
    for (const name of NAMES) fields.set(`attribute.${name}`, name === 'email' ? 'typed@acme.example' : 'Typed')
    return (await postForm(browser, url, fields)).status
  }

  const boxesOn = (page: Page) => [...page.html.matchAll(/name="consent" value="([^"]*)"/g)].map(([, box = '']) => box)

  async function recorded(person: Newcomer) {
    const records = await product.rows<{ what: string }>(
      `SELECT purpose_id || ':' || attribute || ' ' || state AS what FROM consents JOIN identities USING (user_id)
       WHERE subject = $1 ORDER BY sequence`,
      [person.sub],
    )
    const kept = await product.rows<{ name: string }>(
      'SELECT name FROM user_attributes JOIN identities USING (user_id) WHERE subject = $1 ORDER BY name',
      [person.sub],
    )
    return { records: records.map(({ what }) => what), kept: kept.map(({ name }) => name) }
  }
})
