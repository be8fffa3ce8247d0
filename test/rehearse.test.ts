// A rehearsal of a sign-in says what the real one then does, for every mode and person, and changes nothing.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { findApplicationByClientId } from '../src/db/applications.ts'
import { findIdp, type Idp } from '../src/db/idps.ts'
import { insertUser } from '../src/db/users.ts'
import { claimsOf, personas } from '../src/demo/personas.ts'
import { type Claims, type Rehearsed, readClaims, rehearse } from '../src/login/rehearse.ts'
import type { Decision } from '../src/provisioning/decide.ts'
import { lookOf } from '../src/provisioning/look.ts'
import { toldFor } from '../src/provisioning/told.ts'
import { join } from './support/account.ts'
import { openHouse, type TestHouse } from './support/house.ts'
import { PASSWORD } from './support/people.ts'
import { MODES, type Mode, type Product, startProduct } from './support/product.ts'
import { editPurpose } from './support/purposes.ts'
import { meanwhile, newcomer, signedIn, storedPerson, visit, withIdp } from './support/visits.ts'

type Rehearsal = Extract<Rehearsed, { kind: 'rehearsed' }>

async function idpOf(product: Product, mode: Mode): Promise<Idp> {
  const [row] = await product.rows<{ id: string }>('SELECT id FROM idps WHERE name = $1', [mode])
  return (await findIdp(product.running.db, row?.id ?? '')) ?? assert.fail(`no idp ${mode}`)
}

/** Every row of every table, in one question: a hundred rehearsals have two each. */
async function contentsOf(product: Product): Promise<string> {
  tables ??= await product.rows<{ name: string }>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  )
  const all = tables.map(({ name }) => `SELECT '${name}: ' || t::text AS row FROM ${name} t`).join(' UNION ALL ')
  const rows = await product.rows<{ row: string }>(`${all} ORDER BY 1`)
  return rows.map(({ row }) => row).join('\n')
}

let tables: { name: string }[] | undefined

/** Rehearses, and compares the database before and after to the byte. */
async function rehearsed(product: Product, mode: Mode, claims: Claims): Promise<Rehearsal> {
  const idp = await idpOf(product, mode)
  const before = await contentsOf(product)
  const result = await rehearse(product.running.house, idp, claims)
  assert.equal(await contentsOf(product), before, 'a rehearsal changed the database')
  return result.kind === 'rehearsed' ? result : assert.fail(result.sentence)
}

/** What the product logged of the decision that it made last. */
function lastDecision(product: Product): unknown {
  const line = product.log.findLast((one) => one.includes('"msg":"decision"')) ?? assert.fail('nothing was decided')
  const { kind, because } = JSON.parse(line)
  return { kind, because }
}

const inShort = (decision: Decision) => ({
  kind: decision.kind,
  because: 'because' in decision ? decision.because : undefined,
})

/** A page without what belongs to one visit: the flow, its tokens and addresses, and until when it is open. */
function withoutVisit(html: string): string {
  return (
    html
      .replace(/(name="(?:_csrf|sessionDataKey)" value)="[^"]*"/g, '$1=""')
      .replace(/(data-(?:memory|action|seconds|status))="[^"]*"/g, '$1=""')
      .replace(/<p( [^>]*)?><a href="[^"]*">(?=[^<]*<\/a><\/p>)/g, '<p$1><a href="">')
      .replace(/<time .*<\/time>/g, '<time></time>')
      // The code of a sign-in: a rehearsal is none.
      .replace(/<span data-part="reference">.*<\/span>\n/g, '')
  )
}

/** What is said of a newcomer, who comes without the two parts of the name and without an address. */
const NOT_SENT = ['claim-missing', 'claim-missing', 'claim-missing']

const codes = (rehearsal: Rehearsal) => rehearsal.warnings.map(({ code }) => code)

describe('a rehearsal', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: MODES })
    // The names that one persona finds taken, whatever the idp.
    for (const mode of MODES) {
      const username = `chen-${mode}`
      const name = { store: 'PRIMARY', username, canonical: username, look: lookOf(username) }
      await insertUser(product.running.db, { ...name, id: randomUUID(), passwordHash: null })
    }
  })
  after(() => product.stop())

  /** Rehearses, then signs in for real, and compares what was said with what happens. */
  async function assertSame(mode: Mode, person: Claims & { sub: string }): Promise<Rehearsal> {
    const said = await rehearsed(product, mode, person)
    const results = product.application.results.length
    const page = await visit(product, mode, person)
    assert.deepEqual(lastDecision(product), inShort(said.decision))
    const told = product.application.results.length > results
    switch (said.decision.kind) {
      case 'ask': {
        assert.ok(said.page, 'a question without a page')
        assert.equal(said.page.view, said.decision.page)
        assert.ok(new URL(page.url).pathname.endsWith(`/${said.page.view}.do`), page.url)
        const drawn = product.running.house.views.render(said.page.view, said.page.page, 'en')
        assert.equal(withoutVisit(drawn), withoutVisit(page.html))
        break
      }
      case 'sign-in':
        assert.equal(signedIn(product.application).sub, said.decision.userId)
        break
      case 'create':
        assert.equal((await storedPerson(product, person.sub))?.user.username, said.username.name)
        break
      case 'sign-in-federated':
        assert.ok(told)
        assert.equal(await storedPerson(product, person.sub), undefined)
        break
      case 'second-factor':
        assert.ok(new URL(page.url).pathname.startsWith('/authenticationendpoint/'), page.url)
        break
      case 'offer':
        assert.ok(new URL(page.url).pathname.endsWith('/connect.do'), page.url)
        break
      case 'refuse':
        assert.ok(
          page.html.includes(`data-msg="${toldFor(said.decision.because, product.running.house.settings())}"`),
          page.text,
        )
        break
      default:
        said.decision satisfies never
    }
    assert.equal(said.page === undefined, said.decision.kind !== 'ask')
    return said
  }

  for (const mode of MODES) {
    for (const persona of personas) {
      it(`of ${persona.name} at an idp of the mode ${mode} says what then happens, twice`, async () => {
        const claims = { ...claimsOf(persona, mode), sub: `${persona.name}-${mode}` }
        const first = await assertSame(mode, claims)
        const second = await assertSame(mode, claims)
        if (first.decision.kind === 'create') assert.equal(second.decision.kind, 'sign-in')
        else assert.deepEqual(second.decision, first.decision)
        assert.equal(codes(first).includes('email-not-verified'), !persona.emailVerified)
        const isTaken = persona.name === 'chen' && mode !== 'none'
        assert.equal(codes(first).includes('username-taken'), isTaken)
      })
    }

    it(`of a name that nobody may have at an idp of the mode ${mode} says so, and why`, async () => {
      const said = await assertSame(mode, newcomer({ preferred_username: 'a\u0430dmin' }))
      if (mode === 'none') return assert.deepEqual(codes(said), NOT_SENT)
      assert.ok(codes(said).includes('username-refused'))
      assert.deepEqual([said.username.state, said.username.name], ['refused', undefined])
      assert.match(said.username.problem ?? '', /^[A-Z_]+$/)
    })

    it(`of somebody without the needed address at an idp of the mode ${mode} shows the page that asks for it`, async () => {
      const said = await assertSame(mode, newcomer({ email: undefined, email_verified: undefined }))
      assert.equal(codes(said).includes('attribute-missing'), said.decision.kind === 'ask')
      assert.ok(codes(said).includes('claim-missing'))
    })
  }

  it('of a person who is known, and of one who is locked, says so', async () => {
    const person = newcomer()
    assert.equal((await assertSame('silent', person)).user, undefined)
    const known = await assertSame('silent', person)
    assert.equal(known.user?.isLocked, false)
    // Their own name is theirs: that it is taken is no trouble.
    assert.deepEqual(codes(known), NOT_SENT)
    await product.rows('UPDATE users SET is_locked = true WHERE id = $1', [known.user?.id])
    const locked = await assertSame('silent', person)
    assert.deepEqual(locked.decision, { kind: 'refuse', because: 'USER_LOCKED' })
    assert.equal(locked.user?.isLocked, true)
  })

  it('of somebody who is asked about a change shows the page that asks, and nothing to somebody who answered', async () => {
    const { house } = product.running
    for (const mode of ['consent', 'password', 'username'] as const) {
      const person = newcomer()
      await join(product, mode, person, {
        ticks: ['recover:email'],
        ...(mode === 'consent' ? {} : { password: PASSWORD }),
      })
      assert.equal((await assertSame(mode, person)).decision.kind, 'sign-in')
      await editPurpose(house, 'recover', (purpose) => ({ ...purpose, description: `Because of ${mode}` }))
      const said = await assertSame(mode, person)
      assert.deepEqual(inShort(said.decision), { kind: 'ask', because: ['purpose-changed'] })
      assert.deepEqual(said.facts.user?.askedAgain, { purposes: ['recover'], isDue: false })
      await (await visit(product, mode, person)).press('Save my choice')
      assert.equal((await assertSame(mode, person)).decision.kind, 'sign-in')
    }
    const quiet = newcomer()
    await join(product, 'silent', quiet)
    await editPurpose(house, 'recover', (purpose) => ({ ...purpose, description: 'Because of nobody' }))
    assert.equal((await assertSame('silent', quiet)).decision.kind, 'sign-in')
  })

  it('of somebody whose address a user here keeps says that they are asked whether that is them, where the idp offers it', async () => {
    const owner = newcomer()
    await join(product, 'silent', owner)
    const same = newcomer({ email: owner.email })
    assert.equal((await assertSame('consent', same)).decision.kind, 'ask')
    for (const mode of MODES.filter((one) => one !== 'none'))
      await meanwhile(product, withIdp(mode, { associateLocalUser: true }), async () => {
        const said = await assertSame(mode, same)
        assert.deepEqual([said.decision, said.page, said.user], [{ kind: 'offer' }, undefined, undefined])
        const unchecked = await assertSame(mode, newcomer({ email: owner.email, email_verified: false }))
        assert.equal(unchecked.decision.kind, mode === 'silent' ? 'create' : 'ask')
      })
  })

  it('at an idp that is off judges as if it were on, and says so', async () => {
    for (const mode of MODES) {
      const person = newcomer()
      const on = await rehearsed(product, mode, person)
      await meanwhile(product, withIdp(mode, {}, { isEnabled: false }), async () => {
        const off = await rehearsed(product, mode, person)
        assert.deepEqual(
          { ...inShort(off.decision), view: off.page?.view },
          { ...inShort(on.decision), view: on.page?.view },
        )
        assert.deepEqual(codes(off), [...NOT_SENT, 'idp-off'])
      })
    }
  })

  it('for an application goes by what that one wants, and for none by any that accepts the idp', async () => {
    const idp = await idpOf(product, 'none')
    const person = newcomer()
    const strict = { clientId: 'strict', requireLocalUser: true, identityProviders: ['none'] }
    await product.addApplication({ clientId: 'strict' }, { ...strict, name: 'Strict' })
    const application = await findApplicationByClientId(product.running.db, 'strict')
    const said = await rehearse(product.running.house, idp, person, { application })
    assert.ok(said.kind === 'rehearsed')
    assert.deepEqual(said.decision, { kind: 'refuse', because: 'LOCAL_USER_REQUIRED' })
    assert.equal(said.application?.name, 'Strict')

    const any = await rehearsed(product, 'none', person)
    assert.deepEqual([any.decision.kind, any.application?.name], ['sign-in-federated', 'Travel'])
    assert.match(any.warnings.find(({ code }) => code === 'local-user-required')?.sentence ?? '', /here: Strict\./)

    const silent = await idpOf(product, 'silent')
    const other = await rehearse(product.running.house, silent, person, { application })
    assert.ok(other.kind === 'rehearsed')
    assert.deepEqual(other.decision, { kind: 'refuse', because: 'IDP_OFF' })
    assert.ok(codes(other).includes('application-other'))
  })

  it('at an idp that is not saved, and that no application accepts, shows what would be', async () => {
    const saved = await idpOf(product, 'consent')
    const draft: Idp = {
      ...saved,
      id: randomUUID(),
      name: 'draft',
      displayName: 'Draft',
      scheme: 'PROMPT_PASSWORD_CONSENT',
    }
    const said = await rehearse(product.running.house, draft, newcomer())
    assert.ok(said.kind === 'rehearsed')
    assert.ok(codes(said).includes('application-none'))
    assert.deepEqual([said.application, said.page?.page.application], [undefined, 'Your application'])
    assert.ok(said.page?.page.password)
  })

  it('tells of every claim that is mapped and does not come, and of one that cannot be what it is mapped to', async () => {
    const idp: Idp = { ...(await idpOf(product, 'silent')), rolesClaim: 'groups', usernameClaim: 'login' }
    idp.mappings = { email: 'mail', department: 'dept', name: 'name' }
    const claims = { sub: 'a', mail: 'ada@acme.example', email_verified: true, dept: { id: 7 }, login: 7 }
    const said = await rehearse(product.running.house, idp, claims)
    assert.ok(said.kind === 'rehearsed')
    assert.deepEqual(said.warnings, [
      { code: 'claim-unfit', sentence: 'The claim dept is empty or of a kind that department cannot be.' },
      { code: 'claim-missing', sentence: 'The claim name, which name is read from, is not sent.' },
      {
        code: 'username-claim-missing',
        sentence: 'The claim login, which the username is read from, is not sent as text: ada takes its place.',
      },
      { code: 'roles-claim-missing', sentence: 'The claim groups, which roles are read from, is not sent.' },
      // email_verified speaks of the claim email alone.
      { code: 'email-not-verified', sentence: 'The idp does not say that it checked the e-mail address.' },
    ])
    assert.deepEqual(said.attributes, { email: { value: 'ada@acme.example', verified: false } })
  })

  it('of claims that make no profile says what is wrong with them, as the sign-in fails', async () => {
    const idp = await idpOf(product, 'silent')
    for (const [sub, sentence] of [
      [undefined, 'no subject'],
      [7, 'no subject'],
      ['a'.repeat(256), 'a subject that is too long'],
      ['a\u0000', 'text that is not well-formed Unicode'],
    ]) {
      const said = await rehearse(product.running.house, idp, { sub })
      assert.deepEqual(said, { kind: 'fault', claims: { sub }, sentence: `The claims have ${sentence}.` })
    }
  })
})

describe('whatever is claimed', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  // Fails when a value reaches PostgreSQL that it cannot keep, and when a rehearsal writes.
  it('is rehearsed without an error and without a trace', async () => {
    const before = await on.contents()
    const text = fc.string({ unit: 'binary' })
    const claim = fc.oneof(fc.jsonValue(), text, fc.array(text), fc.record({ formatted: text }))
    const names = [
      'sub',
      'preferred_username',
      'email',
      'email_verified',
      'department',
      'address',
      '__proto__',
      'groups',
    ]
    const schemes = ['PROVISION_SILENTLY', 'PROMPT_CONSENT', 'PROMPT_USERNAME_PASSWORD_CONSENT'] as const
    const claims = fc.dictionary(fc.oneof(fc.constantFrom(...names), text), claim)
    await fc.assert(
      fc.asyncProperty(
        claims,
        fc.boolean(),
        fc.constantFrom(...schemes),
        fc.boolean(),
        async (claims, hasSubject, scheme, jitEnabled) => {
          const idp = { ...on.idp, scheme, jitEnabled }
          const said = await rehearse(on.house, idp, hasSubject ? { ...claims, sub: 'a person' } : claims)
          if (said.kind === 'fault') return assert.match(said.sentence, /^The claims have .*\.$/)
          assert.equal(said.page !== undefined, said.decision.kind === 'ask')
          if (said.page) assert.match(on.house.views.render(said.page.view, said.page.page, 'en'), /<\/html>/)
        },
      ),
      { numRuns: 60 },
    )
    assert.equal(await on.contents(), before)
  })
})

describe('pasted claims', () => {
  // biome-ignore format: one row, one line
  const problems: [what: string, text: string, problem: RegExp][] = [
    ['nothing', ' \n', /Paste the claims of a person/],
    ['words', 'the claims of ada', /not JSON/],
    ['a line that is cut off', '{\n  "sub": "ada",\n}', /not JSON \(line 3, column 1\)/],
    ['a text without its end', '{"sub": "ada', /not JSON/],
    ['a list', '[{"sub": "ada"}]', /no object/],
    ['a text', '"ada"', /no object/],
    ['null', 'null', /no object/],
    ['a token', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln', /This is a token/],
    ['too much', `{"sub": "${'a'.repeat(100_000)}"}`, /more than 100 kB/],
    ['too much in bytes', `{"sub": "${'ä'.repeat(50_000)}"}`, /more than 100 kB/],
    ['something bottomless', `{"sub": ${'['.repeat(49_000)}${']'.repeat(49_000)}}`, /nested too deeply/],
  ]
  for (const [what, text, problem] of problems)
    it(`that are ${what} are a problem in plain words`, () => {
      const read = readClaims(text)
      assert.match('problem' in read ? read.problem : '', problem)
    })

  it('are read as they are, with a mark of byte order and spaces around them', () => {
    assert.deepEqual(readClaims('\uFEFF {"sub": "ada", "groups": ["a"]}\n'), { claims: { sub: 'ada', groups: ['a'] } })
    assert.deepEqual(readClaims('{}'), { claims: {} })
  })

  it('never throw', () => {
    const pasted = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.json().map((text) => text.slice(0, -1)),
    )
    fc.assert(fc.property(pasted, (text) => ['claims', 'problem'].includes(Object.keys(readClaims(text))[0] ?? '')))
  })
})
