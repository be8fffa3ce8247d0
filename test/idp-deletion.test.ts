// Deleting an idp with its users: who goes and who stays, what is left of whom, and that it can be stopped at any point and shared by any number of processes.
// Seen to fail: with SKIP LOCKED left out, whoever signs in is waited for; with the check of operators left out, one is erased; with each batch's counts in
// place of the sum, the totals of shared and of resumed deletions.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigFaults } from '../src/config-faults.ts'
import { COMMAND_LINE, listChanges } from '../src/db/changes.ts'
import { inTransaction, query } from '../src/db/connect.ts'
import { insertIdentity } from '../src/db/identities.ts'
import { deleteBatch, findLeavingIdp, lossOf } from '../src/db/idp-deletion.ts'
import { putOperator } from '../src/db/operators.ts'
import { insertUser, lockUser } from '../src/db/users.ts'
import { deleteInBatches } from '../src/deletion/batches.ts'
import { createEraser } from '../src/deletion/worker.ts'
import { begunBy } from '../src/handback/sessions.ts'
import type { House } from '../src/house.ts'
import { tracesOf } from '../src/login/traces.ts'
import { applyDeclared } from '../src/settings/declare.ts'
import { findSetting, readSettings } from '../src/settings/entries.ts'
import { moveEntry } from '../src/settings/move.ts'
import { saveEntry } from '../src/settings/save.ts'
import { setEnabled } from '../src/settings/switch.ts'
import { answer, NOTICE, verdictOf } from './support/consent-records.ts'
import { declared, openHouse, type TestHouse } from './support/house.ts'
import { beginDeletion, seedAnswers, seedPeople, turnFeatureOn } from './support/idp-deletion.ts'
import { until } from './support/until.ts'

let on: TestHouse
/** Of the tests here alone: at the top of a file it would be before every test of the process. */
function eachInAHouse(): void {
  beforeEach(async () => {
    on = await openHouse()
    await turnFeatureOn(on.house, on.rows)
  })
  afterEach(() => on.drop())
}

const idOf = async (name: string) =>
  (await on.rows<{ id: string }>('SELECT id FROM idps WHERE name = $1', [name]))[0]?.id ?? assert.fail(name)
const one = async <Row = { count: number }>(sql: string, values: unknown[] = []): Promise<Row> =>
  (await on.rows<Row>(sql, values))[0] ?? assert.fail(sql)

/** Somebody who comes from these idps, with a value and a role of each. */
async function somebody(name: string, idps: string[], { password = false } = {}): Promise<string> {
  const id = randomUUID()
  const user = { id, store: 'PRIMARY', username: name, canonical: name, look: name }
  assert.ok(await insertUser(on.house.db, { ...user, passwordHash: password ? 'a hash' : null }))
  for (const [index, idp] of idps.entries()) {
    const idpId = await idOf(idp)
    const person = { idpId, issuer: `https://id.${idp}.example`, subject: `${name} at ${idp}` }
    assert.ok(await insertIdentity(on.house.db, person, id, 'PROMPT_CONSENT'))
    const attribute = index === 0 ? 'email' : 'department'
    await on.rows(
      `INSERT INTO user_attributes (user_id, name, value, origin, origin_idp_id) VALUES ($1, $2, to_jsonb($3::text), 'idp', $4)`,
      [id, attribute, `${attribute} of ${name}`, idpId],
    )
    await on.rows(`INSERT INTO user_roles (user_id, role, origin, origin_idp_id) VALUES ($1, $2, 'idp', $3)`, [
      id,
      `role at ${idp}`,
      idpId,
    ])
  }
  return id
}

const isThere = async (id: string) => (await on.rows('SELECT 1 FROM users WHERE id = $1', [id])).length === 1

describe('deleting an idp with its users', () => {
  eachInAHouse()
  it('takes those who have no other way in, whether or not they are locked, and nobody else', async () => {
    const going = [await somebody('asha', ['acme']), await somebody('bo', ['acme'])]
    await on.rows('UPDATE users SET is_locked = true WHERE id = $1', [going[1]])
    // An idp that is off is a way in for the day on which it is on.
    await on.rows('UPDATE idps SET is_enabled = true')
    const staying = {
      password: await somebody('cem', ['acme'], { password: true }),
      both: await somebody('dia', ['acme', 'globex']),
      operator: await somebody('eli', ['acme']),
      elsewhere: await somebody('fay', ['globex']),
    }
    await on.rows("UPDATE idps SET is_enabled = false WHERE name = 'globex'")
    const owner = await somebody('olu', [], { password: true })
    await putOperator(on.house.db, owner, 'owner', COMMAND_LINE)
    await putOperator(on.house.db, staying.operator, 'support', COMMAND_LINE)
    const elsewhere = await on.rows('SELECT * FROM users JOIN identities ON user_id = id WHERE id = $1', [
      staying.elsewhere,
    ])
    const id = await idOf('acme')
    assert.deepEqual(await lossOf(on.house.db, id), {
      people: 5,
      erased: 2,
      kept: 3,
      stranded: 1,
      records: 0,
      losesLastOwner: false,
    })

    assert.deepEqual(await beginDeletion(on.house, 'acme'), { kind: 'deleted', inBatches: true })
    assert.equal((await deleteInBatches(on.house, { id, name: 'acme' })).isGone, true)

    for (const user of going) assert.equal(await isThere(user), false)
    for (const [who, user] of Object.entries(staying)) assert.ok(await isThere(user), who)
    assert.deepEqual(
      await on.rows('SELECT name, origin, origin_idp_id FROM user_attributes WHERE user_id = $1 ORDER BY name', [
        staying.both,
      ]),
      [
        { name: 'department', origin: 'idp', origin_idp_id: await idOf('globex') },
        { name: 'email', origin: 'operator', origin_idp_id: null },
      ],
    )
    assert.deepEqual(await on.rows('SELECT role FROM user_roles WHERE user_id = $1', [staying.both]), [
      { role: 'role at globex' },
    ])
    assert.deepEqual(
      await on.rows('SELECT * FROM users JOIN identities ON user_id = id WHERE id = $1', [staying.elsewhere]),
      elsewhere,
      'people of another idp are not touched',
    )
    const [last, first] = await listChanges(on.house.db, { kind: 'idp', object: 'acme' }, 2)
    assert.deepEqual(
      [first?.action, first?.after],
      ['began to delete', { id, people: 5, erased: 2, kept: 3, stranded: 1, records: 0 }],
    )
    const { begunAt, ...after } = last?.after ?? {}
    assert.ok(!Number.isNaN(Date.parse(String(begunAt))))
    assert.deepEqual(
      [last?.action, last?.actor, after],
      [
        'deleted',
        'command line',
        { id, erased: 2, kept: 3, identities: 5, attributes: 2, roles: 5, factors: 0, sessions: 0 },
      ],
    )
  })

  it('leaves nothing of those who go in any table, but that they answered, which proves as before', async () => {
    const mark = randomUUID()
    await seedPeople(on.rows, { idp: 'acme', count: 40, mark })
    await on.rows('INSERT INTO notices (hash, language, content) VALUES ($1, $2, $3)', [
      NOTICE.hash,
      NOTICE.language,
      NOTICE.content,
    ])
    await seedAnswers(on.rows, { count: 40, mark, notice: NOTICE.hash })
    const another = await somebody('gus', ['globex'])
    await answer(on, another)
    await on.rows(
      `INSERT INTO mails (id, user_id, kind, facts, language, next_at, created_at) SELECT gen_random_uuid(), id, 'password-set', '{}', 'en', now(), now() FROM users`,
    )
    await on.rows(
      `INSERT INTO user_factors (user_id, kind, secret_sealed, created_at) SELECT id, 'totp', '\\x01', now() FROM users`,
    )
    const ids = (await on.rows<{ id: string }>('SELECT id FROM users WHERE username LIKE $1', [`${mark}%`])).map(
      ({ id }) => id,
    )
    const proof = await verdictOf(on)
    const answers = await on.rows('SELECT * FROM consents ORDER BY id')
    assert.equal((await lossOf(on.house.db, await idOf('acme'))).records, 80)

    await beginDeletion(on.house, 'acme')
    await createEraser(on.house).eraseDue()

    const left = (await on.contents()).split('\n')
    assert.deepEqual(
      left.filter((row) => row.includes(mark)),
      [],
    )
    const tables = new Set(left.filter((row) => ids.some((id) => row.includes(id))).map((row) => row.split(':')[0]))
    assert.deepEqual([...tables].sort(), ['consent_heads', 'consents'])
    const records = await on.rows<{ user_id: string; state: string; channel: string }>(
      'SELECT * FROM consents ORDER BY id',
    )
    assert.deepEqual(records.slice(0, answers.length), answers)
    // With that it ends, as a deletion by hand does.
    const closed = records.slice(answers.length)
    assert.deepEqual(closed.map(({ user_id }) => user_id).sort(), ids.toSorted())
    assert.ok(closed.every(({ state, channel }) => state === 'closed' && channel === 'operator'))
    assert.equal(proof.faults, 0)
    assert.deepEqual(await verdictOf(on), { ...proof, records: proof.records + ids.length })
    for (const table of ['mails', 'user_factors'])
      assert.equal((await one(`SELECT count(*)::int AS count FROM ${table}`)).count, 1, `${table} of somebody else`)
  })

  it('changes nothing of that while the feature is off: people stay, and lose the way in at once', async () => {
    await turnFeatureOn(on.house, on.rows, false)
    const user = await somebody('asha', ['acme'])
    assert.deepEqual(await beginDeletion(on.house, 'acme'), { kind: 'deleted' })
    assert.ok(await isThere(user))
    assert.equal(await findSetting(on.house.db, 'idp', 'acme'), undefined)
  })

  it('of the last owner’s only way in does not begin', async () => {
    const owner = await somebody('olu', ['acme'])
    await on.rows("INSERT INTO operators (user_id, role) VALUES ($1, 'owner')", [owner])
    const outcome = await beginDeletion(on.house, 'acme')
    assert.equal(outcome.kind, 'in-use')
    assert.equal((await findSetting(on.house.db, 'idp', 'acme'))?.isEnabled, true)
    await on.rows("UPDATE users SET password_hash = 'a hash' WHERE id = $1", [owner])
    assert.equal((await beginDeletion(on.house, 'acme')).kind, 'deleted')
  })
})

describe('an idp that is being deleted', () => {
  eachInAHouse()
  it('is off and is nothing that anybody can turn on, change, move, name, or declare', async () => {
    const { house } = on
    await somebody('asha', ['acme'])
    const before = await findSetting(house.db, 'idp', 'acme')
    await beginDeletion(house, 'acme')
    const row = () => one('SELECT * FROM idps WHERE name = $1', ['acme'])
    const leaving = await row()
    assert.equal((leaving as unknown as { is_enabled: boolean }).is_enabled, false)
    const setting = await findSetting(house.db, 'idp', 'acme')
    assert.equal(setting?.isLeaving, true)
    const request = { kind: 'idp' as const, key: 'acme', expectedVersion: setting?.version ?? 0, actor: COMMAND_LINE }
    const entry = { ...before?.entry, oidc: { ...(before?.entry['oidc'] as object), clientSecret: { keep: true } } }
    assert.equal((await setEnabled(house, { ...request, isEnabled: true })).kind, 'gone')
    assert.equal((await saveEntry(house, { ...request, entry })).kind, 'gone')
    assert.equal(
      (
        await saveEntry(house, {
          ...request,
          key: undefined,
          entry: { ...entry, oidc: { issuer: 'https://id.acme.example', clientId: 'x' } },
        })
      ).kind,
      'taken',
    )
    assert.equal((await moveEntry(house, { ...request, direction: 'down' })).kind, 'gone')
    assert.equal((await beginDeletion(house, 'acme')).kind, 'gone')
    const travel = (await readSettings(house.db)).application[0] ?? assert.fail()
    const naming = { ...travel.entry, identityProviders: ['acme'], clientSecret: { keep: true } }
    const named = await saveEntry(house, {
      ...request,
      kind: 'application',
      key: travel.key,
      expectedVersion: travel.version,
      entry: naming,
    })
    assert.equal(named.kind, 'faults')
    await assert.rejects(applyDeclared(house.db, house.keyring, declared()), (error) => {
      assert.ok(error instanceof ConfigFaults)
      assert.match(
        error.faults[0]?.problem ?? '',
        /is being deleted with its users, and can be declared again when that is done/,
      )
      assert.equal(error.faults[0]?.path, 'identityProviders[0].name')
      return true
    })
    await assert.rejects(on.rows("UPDATE idps SET is_enabled = true WHERE name = 'acme'"), /idps_deletion_check/)
    // The demo declares its own at every start, and starts all the same.
    await applyDeclared(house.db, house.keyring, declared(), { managedBy: 'console' })
    assert.deepEqual(await row(), leaving)
  })

  it('lets nobody become its user from the moment at which it begins, and counts whoever became one before', async () => {
    const id = await idOf('acme')
    const person = (subject: string) => ({ idpId: id, issuer: on.idp.issuer, subject })
    const other = on.another()
    let begun: Promise<unknown> | undefined
    // Somebody who is being made while it begins: it waits for them.
    await inTransaction(other.db, async (transaction) => {
      const userId = randomUUID()
      assert.ok(await insertIdentity(transaction, person('a'), userId, 'PROMPT_CONSENT'))
      await insertUser(transaction, {
        id: userId,
        store: 'PRIMARY',
        username: 'asha',
        canonical: 'asha',
        look: 'asha',
        passwordHash: null,
      })
      begun = beginDeletion(on.house, 'acme')
      const isOver = await Promise.race([begun.then(() => true), sleep(300).then(() => false)])
      assert.equal(isOver, false)
    })
    await begun
    assert.equal((await findLeavingIdp(on.house.db, 'acme'))?.deletion.counted.people, 1)
    // Whoever decided before that comes too late.
    const made = inTransaction(other.db, (transaction) =>
      insertIdentity(transaction, person('b'), randomUUID(), 'PROMPT_CONSENT'),
    )
    assert.equal(await made, false)
  })
})

describe('batches', () => {
  eachInAHouse()
  const PEOPLE = 1_000
  const go = (house: House, size: number, after?: string, idpId = on.idp.id) =>
    deleteBatch(
      house.db,
      { idpId, after, size },
      { traces: tracesOf(house), begunBy: begunBy(house), now: house.now() },
    )

  it('are none of an idp that is not being deleted', async () => {
    await seedPeople(on.rows, { idp: 'acme', count: 3, mark: 'p' })
    assert.deepEqual(await go(on.house, 10), { erased: 0, kept: 0, last: undefined })
    assert.equal((await one('SELECT count(*)::int AS count FROM users')).count, 3)
  })

  it('pass over whoever is signing in, and take them when that is over', async () => {
    const users = [await somebody('asha', ['acme']), await somebody('bo', ['acme'])]
    await beginDeletion(on.house, 'acme')
    await inTransaction(on.another().db, async (transaction) => {
      assert.ok(await lockUser(transaction, users[0] ?? ''))
      assert.equal((await go(on.house, 10)).erased, 1)
      assert.ok(await isThere(users[0] ?? ''))
    })
    assert.equal((await go(on.house, 10)).erased, 1)
  })

  it('keep whoever is given another way in at that moment', async () => {
    const user = await somebody('asha', ['acme'])
    await beginDeletion(on.house, 'acme')
    const other = on.another()
    let batch: ReturnType<typeof go> | undefined
    await inTransaction(other.db, async (transaction) => {
      await lockUser(transaction, user)
      batch = go(on.house, 10)
      await sleep(100)
      await query(transaction, "UPDATE users SET password_hash = 'a hash' WHERE id = ?", [user])
    })
    assert.deepEqual([(await batch)?.erased, (await go(on.house, 10)).kept], [0, 1])
    assert.ok(await isThere(user))
  })

  it('are shared by two processes, none of them twice, and the totals are right', async () => {
    await seedPeople(on.rows, { idp: 'acme', count: PEOPLE, mark: 'p' })
    await on.rows("UPDATE users SET password_hash = 'a hash' WHERE username LIKE 'p-%00'")
    const id = on.idp.id
    await beginDeletion(on.house, 'acme')
    const houses = [on.house, on.another(), on.another()]
    const runs = await Promise.all(houses.map((house) => deleteInBatches(house, { id, name: 'acme' })))
    assert.ok(runs.every(({ isGone }) => isGone))
    const changes = await listChanges(on.house.db, { kind: 'idp', object: 'acme' }, 10)
    assert.deepEqual(
      changes.map(({ action }) => action).filter((action) => /delete/.test(action)),
      ['deleted', 'began to delete'],
    )
    const { begunAt: _, ...totals } = changes[0]?.after ?? {}
    assert.deepEqual(totals, {
      id,
      erased: PEOPLE - 10,
      kept: 10,
      identities: PEOPLE,
      attributes: 3 * (PEOPLE - 10),
      roles: PEOPLE,
      factors: 0,
      sessions: 10,
    })
    assert.equal((await one('SELECT count(*)::int AS count FROM users')).count, 10)
  })

  it('go on where a process was that stopped, and a worker that stops begins no other', async () => {
    await seedPeople(on.rows, { idp: 'acme', count: PEOPLE, mark: 'p' })
    await beginDeletion(on.house, 'acme')
    const first = createEraser(on.house)
    const round = first.eraseDue()
    await until(async () => (await findLeavingIdp(on.house.db, 'acme'))?.deletion.done.erased !== 0)
    await first.stop()
    await round
    const done = (await findLeavingIdp(on.house.db, 'acme'))?.deletion.done.erased ?? 0
    assert.ok(done > 0 && done < PEOPLE, `${done} of ${PEOPLE}`)
    assert.equal((await one('SELECT count(*)::int AS count FROM users')).count, PEOPLE - done)
    await first.eraseDue()
    assert.equal((await findLeavingIdp(on.house.db, 'acme'))?.deletion.done.erased, done)

    await createEraser(on.another()).eraseDue()
    assert.equal((await one('SELECT count(*)::int AS count FROM users')).count, 0)
    assert.equal((await listChanges(on.house.db, { object: 'acme' }, 1))[0]?.after?.['erased'], PEOPLE)
  })
})
