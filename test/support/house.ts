// A house without a server: a database of its own, what is declared in it, and flows as browsers have them. For tests below the pages.
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import path from 'node:path'
import { pino } from 'pino'
import { findApplicationByClientId } from '../../src/db/applications.ts'
import { connect, type Pool } from '../../src/db/connect.ts'
import { type FlowRow, findFlowRow, takeCallbackRow } from '../../src/db/flows.ts'
import { findIdp, type Idp } from '../../src/db/idps.ts'
import { readSalt } from '../../src/db/installation.ts'
import { type Declared, readDeclared } from '../../src/declared.ts'
import { type BrowserFlow, findFlow, rememberProfile, startFlow } from '../../src/flow.ts'
import type { Door } from '../../src/flow-doors.ts'
import type { House } from '../../src/house.ts'
import type { Profile } from '../../src/login/profile.ts'
import { createKeyring } from '../../src/seal.ts'
import { keepConfigured } from '../../src/settings/configured.ts'
import { applyDeclared } from '../../src/settings/declare.ts'
import { startLiveSettings } from '../../src/settings/live.ts'
import { createHashingQueue } from '../../src/stores/hashing-queue.ts'
import { createPasswords } from '../../src/stores/password.ts'
import { readBeneath } from '../../src/themes/beneath.ts'
import { createPublished } from '../../src/themes/published.ts'
import { createMetrics } from '../../src/web/metrics.ts'
import { createViews } from '../../src/web/views.ts'
import { LIGHT_WORK } from './light-work.ts'
import { SECRET_KEY, testCluster } from './product.ts'
import { openRows } from './rows.ts'
import { OURS } from './themes.ts'

export interface TestHouse {
  house: House & { db: Pool }
  url: string
  idp: Idp
  applicationId: string
  clock: { now: Date }
  /** The same house as another process has it: the same database, connections of its own. */
  another(): TestHouse['house']
  /** The same, and with settings that it reads for itself. */
  anotherProcess(): Promise<House>
  rows<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>
  /** Every row of every table, sorted: equal texts are equal databases. */
  contents(): Promise<string>
  drop(): Promise<void>
}

/** A declaration as a configuration file would make it: one idp that asks for all three, and one application. */
export const DECLARATION = `
organization: { name: Northwind, privacyPolicyUrl: "https://northwind.example/privacy" }
attributes: [ { name: department, displayName: Department } ]
identityProviders:
  - name: acme
    displayName: Acme
    oidc: { issuer: "https://id.acme.example", clientId: northwind, clientSecret: a secret between us and acme }
    provisioning: { jit: { isEnabled: true, scheme: PROMPT_USERNAME_PASSWORD_CONSENT } }
  - name: globex
    oidc: { issuer: "https://id.globex.example", clientId: northwind, clientSecret: a secret between us and globex }
purposes:
  - id: recover
    purpose: Recover your account
    description: So that we can help you
    piiCategories: [ { name: email, mandatory: true }, { name: department, mandatory: false } ]
applications:
  - name: Travel
    clientId: travel
    clientSecret: a secret of the travel application
    redirectUris: ["https://travel.example/callback"]
`

export function declared(yaml: string = DECLARATION): Declared {
  const { declared, faults } = readDeclared(yaml, 'test.yaml', {})
  if (!declared) throw new Error(`The declaration of a test has faults: ${JSON.stringify(faults)}`)
  return declared
}

/** Opens a house on a fresh database. */
export async function openHouse(options: { publicUrl?: string } = {}): Promise<TestHouse> {
  const cluster = await testCluster()
  const database = await cluster.clone()
  const sql = openRows(() => database.url)
  const open: Pool[] = []
  const pool = () => {
    const db = connect({ url: cluster.forProduct(database.url), poolMax: 10, ssl: false, onError: () => {} })
    open.push(db)
    return db
  }
  const db = pool()
  const keyring = createKeyring(SECRET_KEY)
  await applyDeclared(db, keyring, declared())
  const live = await startLiveSettings(db, () => {})
  const lives = [live]
  const clock = { now: new Date('2027-03-04T14:00:00Z') }
  const log = pino({ level: 'silent' })
  const appearance = createPublished(db, readBeneath(OURS, undefined), log)
  const house: TestHouse['house'] = {
    db,
    keyring,
    salt: await readSalt(db),
    publicUrl: new URL(options.publicUrl ?? 'http://localhost:3000'),
    flowMinutes: 30,
    trustProxy: 0,
    allowPrivateIdp: false,
    configured: keepConfigured(db),
    settings: live.now,
    rereadSettings: live.reread,
    views: createViews({
      folders: [path.join(import.meta.dirname, '../../views')],
      cache: true,
      organization: () => 'Northwind',
      look: appearance.look,
      words: appearance.words,
    }),
    appearance,
    passwords: createPasswords(createHashingQueue({ running: 2, waiting: 50 }), LIGHT_WORK),
    log,
    metrics: createMetrics({ databaseConnections: () => ({ used: 0, free: 0, waiting: 0 }) }),
    isStopping: () => false,
    now: () => clock.now,
  }
  const [named] = await sql.rows<{ id: string }>("SELECT id FROM idps WHERE name = 'acme'")
  const [idp, application] = await Promise.all([findIdp(db, named?.id ?? ''), findApplicationByClientId(db, 'travel')])
  if (!idp || !application) throw new Error('The declaration of a test was not applied.')
  return {
    house,
    url: database.url,
    idp,
    applicationId: application.id,
    clock,
    another: () => withPool(house, pool()),
    async anotherProcess() {
      const other = pool()
      const its = await startLiveSettings(other, () => {})
      lives.push(its)
      return { ...withPool(house, other), settings: its.now, rereadSettings: its.reread }
    },
    rows: sql.rows,
    contents: async () => (await sql.texts()).sort().join('\n'),
    async drop() {
      for (const one of lives) one.stop()
      await Promise.all([...open.map((one) => one.destroy()), sql.close()])
      await database.drop()
    },
  }
}

function withPool(house: House, db: Pool): TestHouse['house'] {
  return { ...house, db, configured: keepConfigured(db) }
}

/** A request of a browser with this Cookie header, and the answer to it. */
export function exchange(cookie = ''): { req: IncomingMessage; res: ServerResponse } {
  const req = new IncomingMessage(new Socket())
  if (cookie) req.headers.cookie = cookie
  return { req, res: new ServerResponse(req) }
}

/** What a response sets, each as it is written. */
export function cookiesSet(res: ServerResponse): string[] {
  return [res.getHeader('Set-Cookie') ?? []].flat().map(String)
}

/** Starts a flow in a browser of its own: its id, and the Cookie header that this browser sends from then on. */
export async function startedFlow(on: TestHouse, uid = 'interaction-uid'): Promise<{ id: string; cookie: string }> {
  const { req, res } = exchange()
  const door: Door = { kind: 'application', applicationId: on.applicationId, interactionUid: uid }
  const id = await startFlow(on.house, req, res, door)
  return { id, cookie: cookiesSet(res).join().split(';')[0] ?? '' }
}

/** The flow of this browser, which must be there. */
export async function flowOf(on: TestHouse, browser: { id: string; cookie: string }): Promise<BrowserFlow> {
  const flow = await findFlow(on.house, exchange(browser.cookie).req, browser.id)
  if (!flow) throw new Error('This flow is not there.')
  return flow
}

/** Takes the callback of a flow that has left for the idp, as its browser would. */
export async function takeCallbackOf(on: TestHouse, id: string, stateHash: Buffer): Promise<FlowRow | undefined> {
  const row = await findFlowRow(on.house.db, id)
  const bindings = row ? [row.binding] : []
  return takeCallbackRow(on.house.db, { stateHash, bindings, idpName: on.idp.name, now: on.clock.now })
}

/** A flow that has come back from the idp with this profile. */
export async function flowWith(on: TestHouse, profile: Profile): Promise<BrowserFlow> {
  const browser = await startedFlow(on)
  const flow = await flowOf(on, browser)
  await on.rows('UPDATE flows SET idp_id = $1 WHERE id = $2', [on.idp.id, flow.id])
  await rememberProfile(on.house, flow, on.idp.id, profile)
  return flowOf(on, browser)
}
