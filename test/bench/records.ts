// How long it takes to prove the records of a hundred thousand people, and how much memory; and to make their first checkpoint.
import { takeCheckpoint } from '../../src/records/checkpoint.ts'
import { verifyCommand } from '../../src/records/command.ts'
import { NOTICE } from '../support/consent-records.ts'
import { openHouse, type TestHouse } from '../support/house.ts'
import type { Bench } from './report.ts'

const PEOPLE = 100_000
const ANSWERS = 5

export async function recordsBench({ say }: Bench): Promise<void> {
  const on = await openHouse()
  try {
    say(`${PEOPLE * ANSWERS} records made in ${await seconds(() => fill(on))} s`)
    say(`first checkpoint of ${PEOPLE} heads: ${await seconds(() => takeCheckpoint(on.house, on.clock.now))} s`)
    await on.rows('ANALYZE')
    let [text, peak] = ['', 0]
    const before = process.memoryUsage().rss
    const cpu = process.cpuUsage()
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss)
    }, 50)
    const took = await seconds(async () => {
      text = (await verifyCommand(on.house, undefined, process.stderr)).text
    })
    clearInterval(watch)
    const { user, system } = process.cpuUsage(cpu)
    const busy = ((user + system) / 1e6).toFixed(1)
    say(
      `${text.trim()}: verified in ${took} s, of them ${busy} s of this process’s own, with ${Math.round((peak - before) / 2 ** 20)} MB more than before`,
    )
  } finally {
    await on.drop()
  }
}

/** Five answers each, by the trigger that chains them. In parts, as a hundred thousand updates in one transaction would not be how people answer. */
async function fill(on: TestHouse): Promise<void> {
  await on.rows('INSERT INTO notices (hash, language, content) VALUES ($1, $2, $3)', [
    NOTICE.hash,
    NOTICE.language,
    NOTICE.content,
  ])
  for (let part = 0; part < ANSWERS; part += 1)
    await on.rows(
      `INSERT INTO consents (user_id, purpose_id, attribute, state, notice_hash, language, idp_id, idp_name, application_name, flow_id)
       SELECT md5(n::text)::uuid, 'recover', 'email', 'given', $1, 'en', $2, 'Acme', 'Travel', md5(n || ' ' || $3)
       FROM generate_series(1, $4::integer) n`,
      [NOTICE.hash, on.idp.id, String(part), PEOPLE],
    )
}

async function seconds(work: () => Promise<unknown>): Promise<string> {
  const started = performance.now()
  await work()
  return ((performance.now() - started) / 1000).toFixed(1)
}
