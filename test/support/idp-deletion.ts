// Thousands of people of one idp, made by SQL, and the deletion of it: for tests and the benchmark.
import assert from 'node:assert/strict'
import pg from 'pg'
import { COMMAND_LINE } from '../../src/db/changes.ts'
import { releaseEntries } from '../../src/db/entries.ts'
import type { House } from '../../src/house.ts'
import { findSetting } from '../../src/settings/entries.ts'
import type { Outcome, SettingsHouse } from '../../src/settings/outcome.ts'
import { removeEntry } from '../../src/settings/remove.ts'
import type { Rows } from './invariants.ts'
import type { Scene } from './scene.ts'

/** Turns the enhanced feature on in the database, as another process would have; all settings are the console's from then on. */
export async function turnFeatureOn({ db }: Pick<SettingsHouse, 'db'>, rows: Rows, isOn = true): Promise<void> {
  await releaseEntries(db)
  await rows('UPDATE installation SET jit_provisioning = jit_provisioning || $1::jsonb', [
    JSON.stringify({ enable_enhanced_feature: isOn }),
  ])
}

/** Begins to delete an idp, as the console does. */
export async function beginDeletion(house: SettingsHouse & Pick<House, 'now'>, key: string): Promise<Outcome> {
  const expectedVersion = (await findSetting(house.db, 'idp', key))?.version ?? 0
  return removeEntry(house, { kind: 'idp', key, expectedVersion, actor: COMMAND_LINE, withIdentities: true })
}

/** Users who come from this idp, with what a year of use leaves of each: values, a role, an answer, a session, an event and a letter. */
export async function seedPeople(
  rows: Rows,
  { idp, count, mark }: { idp: string; count: number; mark: string },
): Promise<void> {
  const some = `generate_series(1, ${count}) AS n`
  const id = `md5('${mark} ' || n)::uuid`
  const name = `'${mark}-' || n`
  const [row] = await rows<{ id: string; issuer: string }>('SELECT id, issuer FROM idps WHERE name = $1', [idp])
  assert.ok(row, `there is no idp ${idp}`)
  const from = `'${row.id}'::uuid`
  await rows(
    `INSERT INTO users (id, store, username, username_canonical, username_look)
     SELECT ${id}, 'PRIMARY', ${name}, ${name}, sha256(convert_to(${name}, 'UTF8')) FROM ${some}`,
  )
  await rows(
    `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
     SELECT ${from}, '${row.issuer}', '${mark}-subject-' || n, ${id}, 'PROMPT_CONSENT' FROM ${some}`,
  )
  for (const [attribute, value] of [
    ['email', `'${mark}-' || n || '@acme.example'`],
    ['name', `'${mark} name ' || n`],
    ['department', `'${mark} department ' || n % 20`],
  ])
    await rows(
      `INSERT INTO user_attributes (user_id, name, value, origin, origin_idp_id)
       SELECT ${id}, '${attribute}', to_jsonb(${value}), 'idp', ${from} FROM ${some}`,
    )
  await rows(
    `INSERT INTO user_roles (user_id, role, origin, origin_idp_id) SELECT ${id}, 'engineer', 'idp', ${from} FROM ${some}`,
  )
  await rows(
    `INSERT INTO account_events (user_id, event, created_at) SELECT ${id}, 'session-ended', now() FROM ${some}`,
  )
  await rows(
    `INSERT INTO account_sessions (id_hash, user_id, data, created_at, expires_at)
     SELECT sha256(convert_to(${name}, 'UTF8')), ${id}, jsonb_build_object('userId', ${id}, 'idpId', ${from}), now(), now() + interval '1 hour' FROM ${some} WHERE n % 10 = 0`,
  )
  await rows(
    `INSERT INTO oidc_records (model, id_hash, payload_sealed, user_id, expires_at)
     SELECT model, sha256(convert_to(model || ${name}, 'UTF8')), '\\x00', ${id}, now() + interval '1 hour'
     FROM ${some}, unnest('{Session, Grant}'::text[]) AS model WHERE n % 10 = 0`,
  )
}

/** Has an idp being deleted for as long as nobody calls what this returns: its one user is somebody else's for so long. */
export async function keepDeleting({ rows, databaseUrl }: Scene, idp: string): Promise<() => Promise<void>> {
  await seedPeople(rows, { idp, count: 1, mark: 'held' })
  const release = await holdPeople(databaseUrl, 'held')
  const counted = { people: 1, erased: 1, kept: 0, stranded: 0, records: 0 }
  const done = { erased: 0, kept: 0, identities: 0, attributes: 0, roles: 0, factors: 0, sessions: 0 }
  await rows("UPDATE idps SET is_enabled = false, managed_by = 'console', deletion = $1 WHERE name = $2", [
    JSON.stringify({ begunAt: new Date(), actor: COMMAND_LINE, counted, done }),
    idp,
  ])
  return release
}

/** Keeps every process from taking these people, as if each of them were signing in; returns what lets them go. */
export async function holdPeople(databaseUrl: string, mark: string): Promise<() => Promise<void>> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query('BEGIN')
  await client.query('SELECT 1 FROM users WHERE username LIKE $1 FOR UPDATE', [`${mark}-%`])
  return () => client.end()
}

/** Gives all of them two answers each, by the trigger that chains them. */
export async function seedAnswers(
  rows: Rows,
  { count, mark, notice }: { count: number; mark: string; notice: string },
): Promise<void> {
  for (const attribute of ['email', 'department'])
    await rows(
      `INSERT INTO consents (user_id, purpose_id, attribute, state, notice_hash, language, idp_name, application_name, flow_id)
       SELECT md5('${mark} ' || n)::uuid, 'recover', '${attribute}', 'given', $1, 'en', 'Acme', 'Travel', md5('${mark} ' || n)
       FROM generate_series(1, ${count}) n`,
      [notice],
    )
}
