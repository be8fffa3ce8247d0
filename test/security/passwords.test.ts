// A password is taken whole or not at all, costs nothing before it can be right, and is kept as well as we know how today (S134, S138, S139).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { hash as argon2Hash } from '@node-rs/argon2'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { hashesDuring } from '../support/floods.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, messagesOf, send, signedInAt, stranger } from '../support/road.ts'
import { countPeople, knownPerson } from '../support/visits.ts'

describe('a password', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['password', 'username'], hashing: 'full' })
  })
  after(() => product.stop())

  async function prompted(): Promise<{ browser: Browser; person: ReturnType<typeof stranger>; prompt: Page }> {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    return { browser, person, prompt: fillRegister(prompt, person.preferred_username) }
  }

  /** Signs in with username and password at a browser's own login.do. */
  async function signIn(username: string, password: string): Promise<Page> {
    await product.rows('DELETE FROM brakes')
    const page = await openBrowser().open(`${product.application.url}/login`)
    return page.fill({ username, password }).press('Sign in')
  }

  it('that cannot be right is never hashed, and costs a person nothing but another try', async () => {
    const { browser, prompt, person } = await prompted()
    const form = prompt.submission('Create account')
    const refusals: [Record<string, string>, number, string][] = [
      [{ password: '' }, 422, 'PW_EMPTY'],
      [{ password: 'fourteen chars' }, 422, 'PW_SHORT'],
      [{ password: 'long words '.repeat(12) }, 422, 'PW_LONG'],
      [{ password: 'x'.repeat(99_000) }, 422, 'PW_LONG'],
      [{ password: 'passwordpassword' }, 422, 'PW_COMMON'],
      [{ password: `I am ${person.preferred_username} indeed` }, 422, 'PW_PERSONAL'],
      [{ username: 'a b' }, 422, 'USERNAME_CHARS'],
      [{ consent: '' }, 422, 'CONSENT_NEEDED'],
      [{ notice: 'other words' }, 422, 'CHANGED'],
      [{ _csrf: 'forged' }, 403, 'CSRF'],
      [{ sessionDataKey: 'nobody' }, 404, 'NOTFOUND'],
    ]
    const people = await countPeople(product)
    const hashes = await hashesDuring(product, async () => {
      for (const [changes, status, code] of refusals) {
        await product.rows('DELETE FROM brakes')
        const fields = new URLSearchParams(form.fields)
        for (const [name, value] of Object.entries(changes)) fields.set(name, value)
        const response = await send(browser, form, { fields })
        assert.equal(response.status, status, code)
        assert.deepEqual([...new Set(messagesOf(await response.text()))], [code])
      }
    })
    assert.equal(hashes, 0)
    assert.deepEqual(await countPeople(product), people)
    let done: Page | undefined
    const one = await hashesDuring(product, async () => {
      done = await prompt.press('Create account')
    })
    assert.equal(one, 1, 'the right one is hashed once')
    signedInAt(product.application, done ?? assert.fail('no page'))
  })

  it('of a megabyte, or of twenty, is turned away before it is looked at, and the question stays open', async () => {
    const { browser, prompt } = await prompted()
    const other = openBrowser()
    const login = await other.open(`${product.application.url}/login`)
    const forms = [
      [browser, prompt.submission('Create account')],
      [other, login.fill({ username: 'somebody' }).submission('Sign in')],
    ] as const
    const hashes = await hashesDuring(product, async () => {
      for (const [sender, sent] of forms) {
        for (const megabytes of [1, 20]) {
          const fields = new URLSearchParams(sent.fields)
          fields.set('password', 'x'.repeat(megabytes * 1_000_000))
          const response = await send(sender, sent, { fields })
          assert.equal(response.status, 413, `${megabytes} MB to ${sent.url}`)
          assert.deepEqual(messagesOf(await response.text()), ['TOO_LARGE'])
        }
      }
    })
    assert.equal(hashes, 0)
    signedInAt(product.application, await prompt.press('Create account'))
  })

  it('does not end at a NUL, a space or a letter of four bytes: what differs later is another password', async () => {
    for (const [index, [password, other]] of [
      ['nothing ends\0 at a zero byte', 'nothing ends\0 at another byte'],
      ['  spaces at both ends too  ', 'spaces at both ends too'],
      ['🦊 foxes and hedgehogs 🦔🦔', '🦊 foxes and hedgehogs 🦔🦊'],
    ].entries()) {
      const { browser, person, prompt } = await prompted()
      const form = prompt.submission('Create account')
      form.fields.set('password', password ?? '')
      assert.equal((await send(browser, form)).status, 303, `${index}`)
      const { user } = await knownPerson(product, person.sub)
      const wrong = await signIn(user.username, other ?? '')
      assert.equal(wrong.status, 422)
      assert.deepEqual(new Set(messagesOf(wrong.html)), new Set(['SIGNIN_FAILED']))
      assert.equal(signedInAt(product.application, await signIn(user.username, password ?? '')).sub, user.id)
    }
  })

  it('that arrives as bytes that are no text is not taken for what is left of it', async () => {
    const { browser, prompt, person } = await prompted()
    const form = prompt.submission('Create account')
    form.fields.delete('password')
    for (const broken of ['%FF', '%C3%28', '%ED%A0%80', '%F8%A1%A1%A1%A1', '%C0%AF', '%', '%zz', '%EF%BF%BD']) {
      const body = `${form.fields}&password=correct+horse+battery+staple${broken}`
      const response = await browser.fetch(form.url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body,
      })
      // The last is what browsers send for half a letter: text, but not what was typed.
      const [status, code] = broken === '%EF%BF%BD' ? [422, 'PW_CHARS'] : [400, 'BAD_REQUEST']
      assert.equal(response.status, status, broken)
      assert.deepEqual([...new Set(messagesOf(await response.text()))], [code], broken)
    }
    const done = await prompt.press('Create account')
    assert.equal(signedInAt(product.application, done).userinfo['preferred_username'], person.preferred_username)
  })

  it('that two people chose is kept with a salt for each', async () => {
    const people = [await prompted(), await prompted()]
    const hashes: string[] = []
    for (const { prompt, person } of people) {
      await prompt.press('Create account')
      hashes.push((await knownPerson(product, person.sub)).user.password_hash ?? '')
    }
    const parts = hashes.map((hash) => hash.split('$'))
    for (const [, kind, version, work] of parts) {
      assert.deepEqual([kind, version, work], ['argon2id', 'v=19', 'm=19456,t=2,p=1'])
    }
    assert.equal(new Set(parts.map(([, , , , salt]) => salt)).size, 2)
    assert.equal(new Set(parts.map(([, , , , , digest]) => digest)).size, 2)
  })

  it('that was hashed with less work is hashed anew when it is next typed, and by nothing else', async () => {
    const { prompt, person } = await prompted()
    await prompt.press('Create account')
    const { user } = await knownPerson(product, person.sub)
    const weak = await argon2Hash(PASSWORD, { memoryCost: 8_192, timeCost: 1, parallelism: 1 })
    await product.rows('UPDATE users SET password_hash = $1 WHERE id = $2', [weak, user.id])
    const kept = async () => (await knownPerson(product, person.sub)).user.password_hash ?? ''

    await signIn(user.username, 'not the password at all')
    await arrive(product, openBrowser(), 'username', person)
    assert.equal(await kept(), weak)

    signedInAt(product.application, await signIn(user.username, PASSWORD))
    const strong = await kept()
    assert.match(strong, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    signedInAt(product.application, await signIn(user.username, PASSWORD))
    assert.equal(await kept(), strong, 'once')
  })
})
