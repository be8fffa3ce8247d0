// One language for settings: what a file says can be typed into the console, and nobody can tell afterwards which of the two it was.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { parse } from 'yaml'
import { type Actor, listChanges } from '../src/db/changes.ts'
import type { Kind } from '../src/db/entries.ts'
import { applyDeclared } from '../src/settings/declare.ts'
import { findSetting, readSettings, type SettingKind } from '../src/settings/entries.ts'
import { exportConfiguration } from '../src/settings/export.ts'
import type { Entry } from '../src/settings/kinds.ts'
import { moveEntry } from '../src/settings/move.ts'
import { removeEntry } from '../src/settings/remove.ts'
import { saveEntry } from '../src/settings/save.ts'
import { setEnabled } from '../src/settings/switch.ts'
import { declared } from './support/house.ts'
import { REPOSITORY } from './support/product.ts'
import { ASHA, applyFile, exportedTwice, type Office, openOffice, saved, typeIn } from './support/settings.ts'

const EXAMPLE = readFileSync(path.join(REPOSITORY, 'docs/vestibule.example.yaml'), 'utf8')
const SECRETS: Record<string, string> = {
  ACME_SECRET: 'the secret of acme',
  TRAVEL_SECRET: 'the secret of travel',
  PAGES_SECRET: 'the secret of pages',
}
const withSecrets = (text: string) => text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => SECRETS[name] ?? '')

describe('the example of the documentation', () => {
  let [file, typed, again] = [] as unknown as [Office, Office, Office]
  before(async () => {
    ;[file, typed, again] = await Promise.all([openOffice(), openOffice(), openOffice()])
  })
  after(() => Promise.all([file, typed, again].map((office) => office.drop())))

  it('by a file and typed into the console is the same rows and the same export, to the byte', async () => {
    await applyFile(file, EXAMPLE, SECRETS)
    await typeIn(typed, parse(withSecrets(EXAMPLE)) as Entry)
    const [first, second] = await Promise.all([file, typed].map((office) => exportConfiguration(office.db)))
    assert.equal(second, first)
    const said = async (office: Office) => {
      const settings = await readSettings(office.db)
      return JSON.stringify(Object.values(settings).flat(), (key, value) =>
        /^(id|version|managedBy)$/.test(key) && typeof value !== 'object' ? undefined : value,
      )
    }
    assert.equal(await said(typed), await said(file))
    for (const office of [file, typed]) {
      const opened = (
        await office.rows<{ name: string; sealed: Buffer }>(
          `SELECT 'idp ' || name AS name, client_secret_sealed AS sealed FROM idps WHERE client_secret_sealed IS NOT NULL
           UNION ALL SELECT 'application ' || client_id, client_secret_sealed FROM applications
           WHERE client_secret_sealed IS NOT NULL ORDER BY 1`,
        )
      ).map(({ name, sealed }) => [name, office.keyring.unseal(name, sealed)])
      assert.deepEqual(opened, [
        ['application pages', SECRETS['PAGES_SECRET']],
        ['application travel', SECRETS['TRAVEL_SECRET']],
        ['idp acme', SECRETS['ACME_SECRET']],
      ])
    }
  })

  it('is exported with a variable for each secret, without a secret, and without what holds anyway', async () => {
    const text = await exportConfiguration(file.db)
    for (const secret of Object.values(SECRETS)) assert.ok(!text.includes(secret))
    const { identityProviders, applications, authentication } = parse(text)
    assert.equal(identityProviders[0].oidc.clientSecret, `\${ACME_SECRET}`)
    assert.deepEqual(
      applications.map(({ clientId, clientSecret }: Entry) => [clientId, clientSecret]),
      [
        ['pages', `\${PAGES_SECRET}`],
        ['travel', `\${TRAVEL_SECRET}`],
        ['travel-phone', undefined],
      ],
    )
    assert.deepEqual(authentication, { jit_provisioning: { reserved_usernames: ['reception', 'helpdesk'] } })
    assert.equal('requirePkce' in applications[1], false)
    assert.equal('isEnabled' in identityProviders[0], false)
  })

  it('is the same again after the export was read into an empty database', async () => {
    const { first, second, names } = await exportedTwice(file, again, (name) => SECRETS[name] ?? '')
    assert.equal(second, first)
    assert.deepEqual(names.sort(), Object.keys(SECRETS).sort())
  })

  it('typed in leaves a history by whoever typed it, without a secret', async () => {
    const history = await listChanges(typed.db, {}, 100)
    assert.deepEqual([...new Set(history.map(({ actor }) => actor))], ['asha'])
    assert.equal(history.length, 10)
    const text = JSON.stringify(history)
    for (const secret of Object.values(SECRETS)) assert.ok(!text.includes(secret))
  })
})

const IDP = {
  name: 'acme',
  oidc: { issuer: 'https://id.acme.example', clientId: 'northwind', clientSecret: 'first secret' },
}
const PURPOSE = { id: 'recover', purpose: 'Recover', description: 'Why', piiCategories: [{ name: 'email' }] }
const APPLICATION = { name: 'Travel', clientId: 'travel', redirectUris: ['https://travel.example/callback'] }
const BEN = { name: 'ben' }

describe('an entry in the console', () => {
  let office: Office
  before(async () => {
    office = await openOffice()
  })
  after(() => office.drop())

  const save = (kind: SettingKind, entry: Entry, key?: string, expectedVersion = 0, actor: Actor = ASHA) =>
    saveEntry(office, { kind, key, entry, expectedVersion, actor })
  const versionOf = async (kind: SettingKind, key: string) => (await findSetting(office.db, kind, key))?.version ?? 0
  /** Saves it as it is now, whatever version that is. */
  const put = async (kind: SettingKind, entry: Entry, key?: string) =>
    saved(await save(kind, entry, key, key === undefined ? 0 : await versionOf(kind, key)))
  const asked = async (kind: Kind, key: string) => ({
    kind,
    key,
    expectedVersion: await versionOf(kind, key),
    actor: ASHA,
  })
  const turn = async (kind: Kind, key: string, isEnabled: boolean) =>
    setEnabled(office, { ...(await asked(kind, key)), isEnabled })
  const remove = async (kind: Kind, key: string, more = {}) =>
    removeEntry(office, { ...(await asked(kind, key)), ...more })
  const history = async () => (await listChanges(office.db, {}, 1))[0]

  it('is told where it is wrong, by paths within it, and what others would miss', async () => {
    await office.empty()
    const wrong = await save('idp', {
      name: 'acme',
      oidc: { issuer: 'http://id.example' },
      claims: { mappings: { team: 'team' } },
    })
    assert.ok(wrong.kind === 'faults')
    assert.deepEqual(wrong.faults.map(({ path }) => path).sort(), [
      'claims.mappings.team',
      'oidc.clientId',
      'oidc.issuer',
    ])
    assert.deepEqual(wrong.general, [])
    const unknown = await save('purpose', { ...PURPOSE, why: 'x' })
    assert.ok(unknown.kind === 'faults')
    assert.match(unknown.faults[0]?.problem ?? '', /unknown key/)
    const jit = await save('jitProvisioning', { unknown_user_store: 'nowhere' }, undefined, 1)
    assert.ok(jit.kind === 'faults')
    assert.deepEqual(
      jit.faults.map(({ path }) => path),
      ['unknown_user_store'],
    )
    assert.deepEqual(await office.rows('SELECT 1 FROM idps UNION ALL SELECT 1 FROM purposes'), [])

    await put('attribute', { name: 'team' })
    await put('idp', { ...IDP, claims: { mappings: { team: 'team' } } })
    const without = await remove('attribute', 'team')
    assert.ok(without.kind === 'faults')
    assert.deepEqual(
      without.general.map(({ kind, key, path }) => [kind, key, path]),
      [['idp', 'acme', 'claims.mappings.team']],
    )
    assert.equal((await turn('attribute', 'team', false)).kind, 'faults')
  })

  it('reads no variable of the environment: what is typed is what is kept', async () => {
    await office.empty()
    process.env['CANARY_SECRET'] = 'canary'
    const name = `\${CANARY_SECRET} $\${PATH} \${`
    await put('organization', { name }, 'organization')
    assert.equal(office.settings().organization.name, name)
    const { second, first } = await exportedTwice(office, await openedAgain(), () => '')
    assert.equal(second, first)
    assert.ok(!first.includes('canary'))
  })

  it('that somebody changed meanwhile is a conflict, with what it says now, by whom and when', async () => {
    await office.empty()
    const version = await put('purpose', PURPOSE)
    assert.equal(saved(await save('purpose', { ...PURPOSE, purpose: 'Ben’s' }, 'recover', version, BEN)), version + 1)
    const late = await save('purpose', { ...PURPOSE, purpose: 'Asha’s' }, 'recover', version)
    assert.ok(late.kind === 'conflict')
    assert.equal(late.current.entry['purpose'], 'Ben’s')
    assert.equal(late.current.version, version + 1)
    assert.equal(late.by?.actor, 'ben')
    assert.ok(Date.now() - (late.by?.at.getTime() ?? 0) < 60_000)
    assert.equal(
      (
        await setEnabled(office, {
          kind: 'purpose',
          key: 'recover',
          isEnabled: false,
          expectedVersion: version,
          actor: ASHA,
        })
      ).kind,
      'conflict',
    )
    assert.equal(
      (await removeEntry(office, { kind: 'purpose', key: 'recover', expectedVersion: version, actor: ASHA })).kind,
      'conflict',
    )
    assert.equal((await findSetting(office.db, 'purpose', 'recover'))?.isEnabled, true)
  })

  it('that says what it said already is saved, and leaves neither a version nor a line', async () => {
    await office.empty()
    const version = await put('idp', IDP)
    const last = (await history())?.id
    const full = (await findSetting(office.db, 'idp', 'acme'))?.entry ?? {}
    const withSecret = { ...full, oidc: { ...(full['oidc'] as Entry), clientSecret: { keep: true } } }
    for (const entry of [IDP, withSecret]) assert.equal(saved(await save('idp', entry, 'acme', 0)), version)
    // A second press of the button that made it.
    assert.equal(saved(await save('idp', IDP)), version)
    assert.equal((await history())?.id, last)
  })

  it('of twenty saves at once in two processes one wins, and nineteen are told who won', async () => {
    await office.empty()
    const other = await office.another()
    for (let round = 0; round < 3; round += 1) {
      const version = round === 0 ? await put('purpose', PURPOSE) : await versionOf('purpose', 'recover')
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          saveEntry(index % 2 === 0 ? office : other, {
            kind: 'purpose',
            key: 'recover',
            entry: { ...PURPOSE, purpose: `Number ${index} of round ${round}` },
            expectedVersion: version,
            actor: { name: `operator ${index}` },
          }),
        ),
      )
      const winner = outcomes.findIndex(({ kind }) => kind === 'saved')
      const now = await findSetting(office.db, 'purpose', 'recover')
      assert.equal(now?.entry['purpose'], `Number ${winner} of round ${round}`)
      assert.equal(now.version, version + 1)
      const others = outcomes.filter((_, index) => index !== winner)
      assert.deepEqual(
        new Set(others.map((one) => (one.kind === 'conflict' ? one.by?.actor : one.kind))),
        new Set([`operator ${winner}`]),
      )
    }
    assert.equal(
      (
        await Promise.all(
          Array.from({ length: 20 }, (_, index) => save('attribute', { name: 'team', displayName: `${index}` })),
        )
      ).filter(({ kind }) => kind === 'saved').length,
      1,
    )
  })

  it('keeps its secret, gets another, and loses it, as it is told; neither answers nor history show one', async () => {
    await office.empty()
    const secret = async () => {
      const [row] = await office.rows<{ sealed: Buffer | null }>('SELECT client_secret_sealed AS sealed FROM idps')
      return row?.sealed ? office.keyring.unseal('idp acme', row.sealed) : undefined
    }
    const said = async () => {
      const change = await history()
      const of = (saying: unknown) => (saying as { oidc: Entry } | null)?.oidc['clientSecret']
      return [of(change?.before), of(change?.after)]
    }
    const put_ = (clientSecret?: unknown, displayName = 'Acme') =>
      put('idp', { ...IDP, displayName, oidc: { ...IDP.oidc, clientSecret } }, 'acme')
    await put('idp', IDP)
    assert.deepEqual(await said(), [undefined, '(secret)'])
    await put_({ keep: true }, 'Renamed')
    assert.equal(await secret(), 'first secret')
    assert.deepEqual(await said(), ['(secret)', '(secret)'])
    await put_('second secret')
    assert.equal(await secret(), 'second secret')
    assert.deepEqual(await said(), ['(secret)', '(secret, changed)'])
    // What stands for a kept one is a secret like any other to whoever types it.
    await put_('a secret that is kept')
    assert.equal(await secret(), 'a secret that is kept')
    await put_(undefined)
    assert.equal(await secret(), undefined)
    assert.deepEqual(await said(), ['(secret, changed)'.replace(', changed', ''), undefined])
    const refused = await save(
      'idp',
      { ...IDP, oidc: { ...IDP.oidc, clientSecret: 'canary \n' } },
      'acme',
      await versionOf('idp', 'acme'),
    )
    assert.ok(refused.kind === 'faults' && !JSON.stringify(refused).includes('canary'))
    const all = JSON.stringify([await office.rows('SELECT * FROM changes'), await readSettings(office.db)])
    for (const text of ['first secret', 'second secret', 'a secret that is kept']) assert.ok(!all.includes(text), text)
  })

  it('of the file is read-only, in every way', async () => {
    await office.empty()
    await applyDeclared(office.db, office.keyring, declared())
    const request = await asked('idp', 'acme')
    const kinds = [
      await save('idp', IDP, 'acme', request.expectedVersion),
      await save('organization', { name: 'Mine' }, 'organization', await versionOf('organization', 'organization')),
      await turn('idp', 'acme', false),
      await remove('idp', 'acme'),
      await moveEntry(office, { kind: 'idp', key: 'acme', direction: 'down', actor: ASHA }),
    ].map(({ kind }) => kind)
    assert.deepEqual([...new Set(kinds)], ['read-only'])
    assert.equal((await save('idp', IDP)).kind, 'taken')
    assert.equal((await save('idp', { ...IDP, name: 'ACME' })).kind, 'taken')
    assert.equal((await findSetting(office.db, 'idp', 'acme'))?.version, request.expectedVersion)
  })

  it('keeps its name, and cannot be saved when it is gone', async () => {
    await office.empty()
    await put('purpose', PURPOSE)
    const renamed = await save('purpose', { ...PURPOSE, id: 'other' }, 'recover', 1)
    assert.ok(renamed.kind === 'faults')
    assert.deepEqual(
      renamed.faults.map(({ path }) => path),
      ['id'],
    )
    assert.equal((await remove('purpose', 'recover')).kind, 'deleted')
    assert.equal((await save('purpose', PURPOSE, 'recover', 1)).kind, 'gone')
    assert.equal((await turn('purpose', 'recover', true)).kind, 'gone')
    const line = await history()
    assert.deepEqual(
      [line?.action, line?.object, line?.before?.['purpose'], line?.after],
      ['deleted', 'recover', 'Recover', null],
    )
  })

  it('can be turned off and on, and stays off when it is saved, but for an idp, which says itself what it is', async () => {
    await office.empty()
    await put('purpose', PURPOSE)
    await put('idp', IDP)
    await put('application', { ...APPLICATION, identityProviders: ['acme'] })
    for (const [kind, key] of [
      ['purpose', 'recover'],
      ['application', 'travel'],
      ['idp', 'acme'],
    ] as const) {
      saved(await turn(kind, key, false))
      assert.equal((await findSetting(office.db, kind, key))?.isEnabled, false)
      assert.equal((await history())?.action, 'turned off')
    }
    await put('purpose', { ...PURPOSE, purpose: 'Other' }, 'recover')
    assert.equal((await findSetting(office.db, 'purpose', 'recover'))?.isEnabled, false)
    await put('idp', { ...IDP, isEnabled: true }, 'acme')
    assert.equal((await findSetting(office.db, 'idp', 'acme'))?.isEnabled, true)
    for (const [kind, key] of [
      ['purpose', 'recover'],
      ['application', 'travel'],
    ] as const)
      saved(await turn(kind, key, true))
  })

  it('that is off keeps nobody from changing what it names, and cannot be turned on without it', async () => {
    await office.empty()
    await put('attribute', { name: 'team' })
    await put('userStore', { name: 'STAFF' })
    const idp = { ...IDP, claims: { mappings: { team: 'team' } }, provisioning: { jit: { userstore: 'STAFF' } } }
    await put('idp', idp)
    await put('application', { ...APPLICATION, identityProviders: ['acme'] })
    saved(await turn('idp', 'acme', false))
    const before = await exportConfiguration(office.db)
    assert.match(before, /userstore: STAFF/)
    saved(await turn('attribute', 'team', false))
    await put('application', { ...APPLICATION, name: 'Renamed', identityProviders: ['acme'] }, 'travel')
    const on = await turn('idp', 'acme', true)
    assert.ok(on.kind === 'faults')
    assert.deepEqual(
      on.faults.map(({ path }) => path),
      ['claims.mappings.team'],
    )
    // A file cannot say that an attribute is off, so it says no more of the idp than that it is there.
    const { first, second } = await exportedTwice(office, await openedAgain(), () => 'first secret')
    assert.equal(second, first)
    assert.match(first, /identityProviders:\n {6}- acme/)
    assert.doesNotMatch(first, /team/)
  })

  it('of a store stays as long as people are in it or sent there, and PRIMARY always', async () => {
    await office.empty()
    await put('userStore', { name: 'STAFF' })
    await put('idp', { ...IDP, provisioning: { jit: { userstore: 'STAFF' } } })
    assert.equal((await turn('userStore', 'STAFF', false)).kind, 'faults')
    assert.equal((await remove('userStore', 'STAFF')).kind, 'faults')
    saved(await turn('idp', 'acme', false))
    const named = await remove('userStore', 'STAFF')
    assert.deepEqual(named, {
      kind: 'in-use',
      message: 'The user store STAFF cannot be deleted: acme would have no store.',
    })
    assert.equal((await remove('idp', 'acme')).kind, 'deleted')
    await office.rows(
      "INSERT INTO users (id, store, username, username_canonical) VALUES (gen_random_uuid(), 'STAFF', 'Asha', 'asha')",
    )
    for (const outcome of [await turn('userStore', 'STAFF', false), await remove('userStore', 'STAFF')]) {
      assert.ok(outcome.kind === 'in-use')
      assert.match(outcome.message, /1 user is in it/)
    }
    const cased = await save(
      'userStore',
      { name: 'STAFF', properties: { CaseInsensitiveUsername: 'false' } },
      'STAFF',
      await versionOf('userStore', 'STAFF'),
    )
    assert.ok(cased.kind === 'in-use')
    assert.match(cased.message, /CaseInsensitiveUsername/)
    for (const outcome of [await turn('userStore', 'PRIMARY', false), await remove('userStore', 'PRIMARY')])
      assert.equal(outcome.kind, 'in-use')
    await office.rows('DELETE FROM users')
    assert.equal((await remove('userStore', 'STAFF')).kind, 'deleted')
  })

  it('moves up and down among those of the console, and the file’s stand before them', async () => {
    await office.empty()
    for (const id of ['one', 'two', 'three']) await put('purpose', { ...PURPOSE, id })
    const order = async () => (await readSettings(office.db)).purpose.map(({ key }) => key).join(' ')
    const move = async (key: string, direction: 'up' | 'down') =>
      saved(await moveEntry(office, { kind: 'purpose', key, direction, actor: ASHA }))
    await move('three', 'up')
    assert.equal(await order(), 'one three two')
    await move('one', 'down')
    await move('one', 'down')
    await move('one', 'down')
    assert.equal(await order(), 'three two one')
    const { action, before, after } = (await history()) ?? {}
    assert.deepEqual([action, before, after], ['moved', { position: 2 }, { position: 3 }])
    await applyDeclared(
      office.db,
      office.keyring,
      declared('purposes: [ { id: first, purpose: p, description: d, piiCategories: [ { name: email } ] } ]'),
    )
    await move('three', 'down')
    assert.equal(await order(), 'first two three one')
    assert.equal(
      (await moveEntry(office, { kind: 'purpose', key: 'first', direction: 'up', actor: ASHA })).kind,
      'read-only',
    )
  })

  let again: Office | undefined
  const openedAgain = async () => {
    again ??= await openOffice()
    return again
  }
  after(() => again?.drop())
})

describe('the export of a hundred identity providers', () => {
  let office: Office
  before(async () => {
    office = await openOffice()
    await applyFile(office, EXAMPLE, SECRETS)
    await office.rows(
      `INSERT INTO idps (name, display_name, is_enabled, position, issuer, client_id, scopes, username_claim, mappings, roles_claim, role_mappings,
         jit_enabled, jit_scheme, jit_userstore, attribute_sync_method, managed_by)
       SELECT 'bulk' || n, 'Bulk', n % 2 = 0, 100 + n, issuer, client_id, scopes, username_claim, mappings, roles_claim, role_mappings, jit_enabled,
         jit_scheme, jit_userstore, attribute_sync_method, 'console' FROM idps, generate_series(1, 100) n WHERE name = 'acme'`,
    )
  })
  after(() => office.drop())

  it('has one that its rules of today refuse as it stands, so that whoever reads it is told why', async () => {
    await office.rows("UPDATE idps SET roles_claim = NULL WHERE name = 'bulk2'")
    const text = await exportConfiguration(office.db)
    assert.match(text, /name: bulk2\n/)
    assert.doesNotMatch(text, /- \{\}/)
    await office.rows("UPDATE idps SET roles_claim = 'groups' WHERE name = 'bulk2'")
  })

  it('has all of them, and keeps nobody waiting who signs in meanwhile', async () => {
    let isDone = false
    const exported = exportConfiguration(office.db).finally(() => {
      isDone = true
    })
    const begun = performance.now()
    let [longest, last] = [0, begun]
    while (!isDone) {
      await setImmediate()
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
    }
    assert.equal((await exported).match(/name: bulk/g)?.length, 100)
    const whole = last - begun
    assert.ok(longest < whole / 4, `of ${Math.round(whole)} ms, nothing else was done for ${Math.round(longest)}`)
  })
})
