// An overlap that is certain: everybody who ends a flow is in the middle of it at once.
import pg from 'pg'
import type { TestHouse } from './house.ts'
import { untilWaiting } from './until.ts'

/** Where the statements that end a flow wait as they write its record, while somebody holds the lock of this number alone. */
const AT_THE_RECORD = `CREATE OR REPLACE FUNCTION wait_at_record() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END';
  DROP TRIGGER IF EXISTS wait_at_record ON audit_events;
  CREATE TRIGGER wait_at_record BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION wait_at_record()`

/**
 * Holds everybody as they write their record, the last that they do, until as many as there is work are in the middle at once: an overlap that is
 * certain. `during` runs while all of them wait.
 */
export async function atOnce<Result>(
  on: TestHouse,
  work: (() => Promise<Result>)[],
  during: (client: pg.Client) => Promise<unknown> = async () => {},
): Promise<PromiseSettledResult<Result>[]> {
  const client = new pg.Client(on.url)
  await client.connect()
  try {
    await client.query(AT_THE_RECORD)
    await client.query('BEGIN; SELECT pg_advisory_xact_lock(4711)')
    const running = Promise.allSettled(work.map((start) => start()))
    await untilWaiting(async (sql) => (await client.query(sql)).rows, work.length)
    await during(client)
    await client.query('COMMIT')
    return await running
  } finally {
    await client.end()
  }
}
