// One changed byte in anything that proves what people agreed to is found, and named; so is what is gone, added, moved or written anew.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { answer, checkpointAt, verdictAfter, verdictOf } from './support/consent-records.ts'
import { openHouse, type TestHouse } from './support/house.ts'

const DAY = 86_400_000
const TABLES = ['consents', 'notices', 'consent_heads', 'consent_checkpoints', 'consent_checkpoint_heads']

/** The only column of them all that proves nothing: no hash covers it, because PostgreSQL gives it before the record has its place. Nothing reads it. */
const SAYS_NOTHING = ['consents.id']

describe('the records of consent', () => {
  let on: TestHouse
  const ada = '00000000-0000-4000-8000-00000000000a'
  const ben = '00000000-0000-4000-8000-00000000000b'
  before(async () => {
    on = await openHouse()
    await answer(on, ada)
    await answer(on, ben)
    await checkpointAt(on, on.clock.now)
    on.clock.now = new Date(on.clock.now.getTime() + DAY)
    await answer(on, ada, [{ purposeId: 'recover', attribute: 'email', state: 'withdrawn' }])
    await checkpointAt(on, on.clock.now)
    on.clock.now = new Date(on.clock.now.getTime() + DAY)
    await answer(on, ben, [{ purposeId: 'office', attribute: 'department', state: 'change-refused' }], {
      inAccount: true,
    })
  })
  after(() => on.drop())

  it('are as they were, when nobody has altered them', async () => {
    assert.deepEqual(await verdictOf(on), { records: 8, people: 2, checkpoints: 2, faults: 0 })
  })

  it('are as they were for a superuser who changed nothing', async () => {
    assert.equal((await verdictAfter(on, [])).faults, 0)
  })

  describe('with one byte changed', () => {
    const named = (what: string) =>
      new RegExp(
        `^record 2 of user ${ada}, "[^"]*", \\S+ 2027-03-04T14:00:00\\.\\d{6}Z: the ${what} is not what it was$`,
      )
    const checkpoint = /^checkpoint 2 of 2027-03-05: it says other than its hash$/
    const heads = /^checkpoint 2 of 2027-03-05: its heads are not what they were$/
    // biome-ignore format: one row, one line
    const expected: Record<string, RegExp> = {
      'consents.user_id': /record 2 of user/,
      'consents.purpose_id': named('purpose'),
      'consents.attribute': named('attribute'),
      'consents.is_given': named('state'),
      'consents.notice_hash': named('notice'),
      'consents.language': named('language'),
      'consents.idp_id': named('id of the idp'),
      'consents.flow_id': named('flow'),
      'consents.created_at': /^record 2 of user [^:]*: phone_number", refused 2027-03-04T14:00:00\.000001Z: the time is not what it was$/,
      'consents.state': named('state'),
      'consents.channel': named('channel'),
      'consents.idp_name': named('name of the idp'),
      'consents.application_name': named('name of the application'),
      'consents.sequence': /^record 2 of user 00000000-0000-4000-8000-00000000000a, before record 3 of .*: gone$/,
      'consents.previous_hash': named('hash of the record before'),
      'consents.hash': named('hash'),
      'notices.hash': /^the words \S+: they say other than their hash$/,
      'notices.language': /^the words \S+: the language is not what it was$/,
      'notices.content': /^the words \S+: they say other than their hash$/,
      'consent_heads.user_id': /^the head of user 00000000-0000-4000-8000-00000000000a is gone; their last record is 4$/,
      'consent_heads.sequence': /^the head of user 00000000-0000-4000-8000-00000000000a: the number is not what it was \(4\)$/,
      'consent_heads.hash': /^the head of user 00000000-0000-4000-8000-00000000000a: the hash is not that of record 4 of user/,
      'consent_checkpoints.number': /^checkpoint 2 is gone, before checkpoint 66 of 2027-03-05$/,
      'consent_checkpoints.day': /^checkpoint 2 of 2027-04-05: it says other than its hash$/,
      'consent_checkpoints.heads_hash': checkpoint,
      'consent_checkpoints.previous_hash': checkpoint,
      'consent_checkpoints.hash': checkpoint,
      'consent_checkpoints.signature': /^checkpoint 2 of 2027-03-05: the signature is not ours$/,
      'consent_checkpoints.created_at': checkpoint,
      'consent_checkpoint_heads.number': heads,
      'consent_checkpoint_heads.user_id': heads,
      'consent_checkpoint_heads.sequence': heads,
      'consent_checkpoint_heads.hash': heads,
    }
    const rows: Record<string, string> = {
      consents: `user_id = '${ada}' AND sequence = 2`,
      notices: 'true',
      consent_heads: `user_id = '${ada}'`,
      consent_checkpoints: 'number = 2',
      consent_checkpoint_heads: 'number = 2',
    }

    it('is told apart for each column that there is', async () => {
      const columns = await columnsOf(on)
      assert.deepEqual(columns.map(({ name }) => name).sort(), [...Object.keys(expected), ...SAYS_NOTHING].sort())
      for (const { name, table, column, type } of columns.filter((one) => !SAYS_NOTHING.includes(one.name))) {
        const verdict = await verdictAfter(on, [
          [`UPDATE ${table} SET ${column} = ${changed(column, type)} WHERE ${rows[table]}`],
        ])
        assert.match(verdict.first ?? 'found nothing', expected[name] ?? /nothing/, name)
      }
    })

    it('whatever byte of whatever row it is, is found', async () => {
      const columns = (await columnsOf(on)).filter(({ name }) => !SAYS_NOTHING.includes(name))
      let altered = 0
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...columns),
          fc.nat(7),
          fc.nat(199),
          fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyzABC -:.\\"}{,\n\u00e9'),
          async ({ table, column, type }, row, place, character) => {
            const at = `(SELECT ctid FROM ${table} ORDER BY ctid LIMIT 1 OFFSET ${row} % (SELECT count(*) FROM ${table}))`
            const [old] = await on.rows<{ text: string | null }>(
              `SELECT ${column}::text AS text FROM ${table} WHERE ctid = ${at}`,
            )
            const text = old?.text
            fc.pre(text !== undefined && text !== null)
            const characters = [...text]
            characters[place % characters.length] = character
            const other = characters.join('')
            // What is no value of this type, or the same one, alters nothing.
            const [same] = await on
              .rows<{ same: boolean }>(
                type === 'json'
                  ? 'SELECT $1::json::text = $2::json::text AS same'
                  : `SELECT $1::${type} = $2::${type} AS same`,
                [text, other],
              )
              .catch(() => [])
            fc.pre(same?.same === false)
            const verdict = await verdictAfter(on, [
              [`UPDATE ${table} SET ${column} = ?::text::${type} WHERE ctid = ${at}`, [other]],
            ]).catch((error: { code?: string; cause?: { code?: string } }) => {
              // The number of another record: not even a superuser gets past a unique index.
              assert.equal(error.code ?? error.cause?.code, '23505')
              return undefined
            })
            fc.pre(verdict !== undefined)
            altered += 1
            assert.ok(verdict.faults > 0, `${table}.${column}: ${text} → ${other}`)
            assert.ok(verdict.first)
          },
        ),
        { numRuns: 120 },
      )
      assert.equal(altered, 120)
    })
  })

  it('are not proved by the id of a row, which nothing reads', async () => {
    assert.equal((await verdictAfter(on, [['UPDATE consents SET id = DEFAULT WHERE sequence = 2']])).faults, 0)
  })

  // biome-ignore format: one row, one line
  const crimes: [title: string, statements: string[], found: RegExp][] = [
    ['the last record is gone', [`DELETE FROM consents WHERE user_id = '${ada}' AND sequence = 4`],
      /^record 4 of user \S+a is gone: their head says that there are 4$/],
    ['the last record is gone, with the head put right', [
      `DELETE FROM consents WHERE user_id = '${ada}' AND sequence = 4`,
      `UPDATE consent_heads SET sequence = 3, hash = (SELECT hash FROM consents WHERE user_id = '${ada}' AND sequence = 3) WHERE user_id = '${ada}'`,
    ], /^record 4 of user \S+a, which checkpoint 2 of 2027-03-05 has, is gone$/],
    ['a record in the middle is gone', [`DELETE FROM consents WHERE user_id = '${ada}' AND sequence = 2`],
      /^record 2 of user \S+a, before record 3 of user \S+a, "office: department", given \S+: gone$/],
    ['two in the middle are gone', [`DELETE FROM consents WHERE user_id = '${ada}' AND sequence IN (2, 3)`],
      /^records 2 to 3 of user \S+a, before record 4 of .*: gone$/],
    ['a whole chain is gone', [`DELETE FROM consents WHERE user_id = '${ben}'`],
      /^the records of user \S+b are gone: only their head is there$/],
    ['a whole chain is gone with its head', [`DELETE FROM consents WHERE user_id = '${ben}'`, `DELETE FROM consent_heads WHERE user_id = '${ben}'`],
      /^record 3 of user \S+b, which checkpoint 1 of 2027-03-04 has, is gone$/],
    ['two have changed places', [
      `UPDATE consents SET sequence = CASE sequence WHEN 1 THEN -1 ELSE 1 END WHERE user_id = '${ada}' AND sequence IN (1, 2)`,
      `UPDATE consents SET sequence = 2 WHERE user_id = '${ada}' AND sequence = -1`,
    ], /^record 1 of user \S+a, "recover: phone_number", refused/],
    ['two of different people have changed places', [
      `UPDATE consents SET user_id = CASE user_id WHEN '${ada}' THEN '${randomUUID().replace(/^./, 'f')}'::uuid ELSE '${ada}' END WHERE sequence = 2`,
      `UPDATE consents SET user_id = '${ben}' WHERE sequence = 2 AND user_id <> '${ada}'`,
    ], /^record 2 of user \S+a, "recover: phone_number", refused \S+: it says other than its hash$/],
    ['one was put in between', [
      `UPDATE consents SET sequence = -sequence - 1 WHERE user_id = '${ada}' AND sequence >= 2`,
      `UPDATE consents SET sequence = -sequence WHERE sequence < 0`,
      `INSERT INTO consents (user_id, sequence, purpose_id, attribute, state, is_given, notice_hash, language, previous_hash, hash, created_at)
       SELECT user_id, 2, 'office', 'email', 'given', true, notice_hash, language, hash, hash, created_at FROM consents WHERE user_id = '${ada}' AND sequence = 1`,
      `UPDATE consents c SET hash = sha256(convert_to(consent_text(c), 'UTF8')) WHERE user_id = '${ada}' AND sequence = 2`,
    ], /^record 3 of user \S+a, "recover: phone_number", refused \S+: the number is not what it was$/],
    ['one was added at the end, and the head was forgotten', [
      `INSERT INTO consents (user_id, sequence, purpose_id, attribute, state, is_given, notice_hash, language, previous_hash, hash, created_at)
       SELECT user_id, 5, 'office', 'email', 'given', true, notice_hash, language, hash, hash, created_at FROM consents WHERE user_id = '${ada}' AND sequence = 4`,
      `UPDATE consents c SET hash = sha256(convert_to(consent_text(c), 'UTF8')) WHERE user_id = '${ada}' AND sequence = 5`,
    ], /^the head of user \S+a: the number is not what it was \(5\)$/],
    ['one says another thing, and its own hash was put right', [
      `UPDATE consents SET state = 'given', is_given = true WHERE user_id = '${ada}' AND sequence = 2`,
      `UPDATE consents c SET hash = sha256(convert_to(consent_text(c), 'UTF8')) WHERE user_id = '${ada}' AND sequence = 2`,
    ], /^record 2 of user \S+a, "recover: phone_number", given \S+: it is not the one that record 3 follows$/],
    ['a chain was written anew, with its head', rewritten(ben),
      /^record 3 of user \S+b is not the one that checkpoint 1 of 2027-03-04 has$/],
    ['the first follows something', [
      `UPDATE consents SET previous_hash = sha256('another') WHERE user_id = '${ada}' AND sequence = 1`,
      `UPDATE consents c SET hash = sha256(convert_to(consent_text(c), 'UTF8')) WHERE user_id = '${ada}' AND sequence = 1`,
    ], /^record 1 of user \S+a, .*: it follows another record, and is the first$/],
    ['nothing is an empty text', [`UPDATE consents SET flow_id = '' WHERE user_id = '${ben}' AND sequence = 4`],
      /^record 4 of user \S+b, .*: the flow is not what it was$/],
    ['a name that was not given is an empty one', [`UPDATE consents SET idp_name = '' WHERE user_id = '${ben}' AND sequence = 4`],
      /^record 4 of user \S+b, .*: the name of the idp is not what it was$/],
    ['a time is the same day and hour before Christ, which PostgreSQL writes alike', [`UPDATE consents SET created_at = created_at - interval '4053 years' WHERE user_id = '${ada}' AND sequence = 2`],
      /^record 2 of user \S+a, "recover: phone_number", refused at no time: the time is not what it was$/],
    ['a time is none', [`UPDATE consents SET created_at = 'infinity' WHERE user_id = '${ada}' AND sequence = 2`],
      /^record 2 of user \S+a, "recover: phone_number", refused at no time: the time is not what it was$/],
    ['a name would speak to a terminal', [`UPDATE consents SET attribute = E'x\\u001b[2J' WHERE user_id = '${ada}' AND sequence = 2`],
      /^record 2 of user \S+a, "recover: x\\u001b\[2J", refused \S+: the attribute is not what it was$/],
    ['words are gone', ['DELETE FROM notices'],
      /^record 1 of user \S+a, "recover: email", given \S+: its words are gone$/],
    ['a checkpoint is gone', ['DELETE FROM consent_checkpoints WHERE number = 1'],
      /^checkpoint 1 is gone, before checkpoint 2 of 2027-03-05$/],
    ['the last checkpoint is gone, and its heads are there', ['DELETE FROM consent_checkpoints WHERE number = 2'],
      /^checkpoint 2 is gone: only its heads are there$/],
    ['two checkpoints have changed places', [
      'UPDATE consent_checkpoints SET number = -number',
      'UPDATE consent_checkpoints SET number = 3 + number',
    ], /^checkpoint 1 of 2027-03-05: it says other than its hash$/],
  ]
  for (const [title, statements, found] of crimes) {
    it(`are not as they were when ${title}`, async () => {
      const verdict = await verdictAfter(
        on,
        statements.map((sql) => [sql]),
      )
      assert.match(verdict.first ?? 'found nothing', found)
    })
  }

  it('of everybody are counted when they are altered, and the first by user and number is named', async () => {
    const verdict = await verdictAfter(on, [[`UPDATE consents SET attribute = 'address' WHERE sequence = 3`]])
    assert.equal(verdict.faults, 2)
    assert.match(
      verdict.first ?? '',
      /^record 3 of user \S+a, "office: address", given \S+: the attribute is not what it was$/,
    )
  })
})

/** Deletes what somebody answered and lets the database chain other answers in their place. */
function rewritten(userId: string): string[] {
  return [
    `CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM consents WHERE user_id = '${userId}'`,
    `DELETE FROM consents WHERE user_id = '${userId}'`,
    `DELETE FROM consent_heads WHERE user_id = '${userId}'`,
    'SET LOCAL session_replication_role = origin',
    `INSERT INTO consents (user_id, purpose_id, attribute, state, channel, notice_hash, language, idp_id, idp_name, application_name, flow_id, created_at)
     SELECT user_id, purpose_id, attribute, 'given', channel, notice_hash, language, idp_id, idp_name, application_name, flow_id, created_at
     FROM kept ORDER BY sequence`,
  ]
}

interface Column {
  name: string
  table: string
  column: string
  type: string
}

function columnsOf(on: TestHouse): Promise<Column[]> {
  return on.rows<Column>(
    `SELECT table_name || '.' || column_name AS name, table_name AS table, column_name AS column, data_type AS type
     FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY ($1) ORDER BY table_name, ordinal_position`,
    [TABLES],
  )
}

/** SQL: the value of a column with one byte, or one bit, changed. */
function changed(column: string, type: string): string {
  switch (type) {
    case 'text':
      return `left(${column}, -1) || chr(ascii(right(${column}, 1)) # 1)`
    case 'integer':
      return `${column} # 64`
    case 'boolean':
      return `NOT ${column}`
    case 'uuid':
      return `(translate(left(${column}::text, 1), '0123456789abcdef', '1032547698badcfe') || right(${column}::text, -1))::uuid`
    case 'bytea':
      return `set_byte(${column}, 7, get_byte(${column}, 7) # 1)`
    case 'timestamp with time zone':
      return `${column} + interval '1 microsecond'`
    case 'date':
      return `${column} + 31`
    case 'json':
      return `replace(${column}::text, 'Recover', 'Redover')::json`
    default:
      throw new Error(`A column of a new kind: ${type}`)
  }
}
