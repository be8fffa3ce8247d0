// What stands around a measurement: a PostgreSQL on the disk with every safety on, an idp that answers at once, the product as it is built, and the floor; each in processes of its own.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestCluster } from '../support/database.ts'
import { freePort, REPOSITORY, rowsOf, SECRET_KEY, startMigratedCluster } from '../support/scene.ts'
import { spawnServer, untilReady } from '../support/server-process.ts'
import { APPLICATION } from './application.ts'
import { CLIENT_ID, CLIENT_SECRET } from './people.ts'
import { type Program, startProgram } from './processes.ts'

/** The product or the floor, on a database of its own. */
export interface Contender extends Program {
  /** The address that a sign-in begins at. */
  start: string
  rows<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>
  /** The event-loop delay in milliseconds that 99 of 100 did not exceed since this was asked last. */
  delay?(): Promise<number>
}

export interface RunningProduct extends Contender {
  /** From its start until it says that it is ready. */
  readyAfterMs: number
}

export type Scheme = 'PROVISION_SILENTLY' | 'PROMPT_CONSENT' | 'PROMPT_PASSWORD_CONSENT'

export interface Stage {
  /** Of PostgreSQL's main process; each connection is a child of it. */
  postgres: number
  idp: Program
  /** How often each address of the idp was asked for so far. */
  asked(): Promise<Record<string, number>>
  /** The product with a new, migrated database. One idp: whoever comes goes there at once. */
  startProduct(scheme?: Scheme): Promise<RunningProduct>
  startFloor(): Promise<Contender>
  stop(): Promise<void>
}

const METRICS_TOKEN = 'a-token-of-the-bench-for-metrics'
/** As many connections for each, whatever each would take by itself. */
const POOL = '10'

/** As it is installed, but for room: the default of 128 MB is meant for machines of another time. */
const POSTGRES = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  autovacuum: 'on',
  shared_buffers: '1GB',
  max_wal_size: '8GB',
  shared_preload_libraries: 'pg_stat_statements',
}

export async function setStage(): Promise<Stage> {
  const cluster = await startMigratedCluster(POSTGRES)
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-bench-'))
  const running: Program[] = []
  const stop = async () => {
    await Promise.all(running.map((one) => one.stop()))
    await cluster.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const idp = await startProgram('scripted-idp.ts')
    running.push(idp)
    return {
      postgres: Number.parseInt(readFileSync(join(cluster.dataFolder, 'postmaster.pid'), 'utf8'), 10),
      idp,
      asked: async () => (await (await fetch(`${idp.origin}/asked`)).json()) as Record<string, number>,
      async startProduct(scheme = 'PROVISION_SILENTLY') {
        const file = join(folder, `${running.length}.yaml`)
        await writeFile(file, configuration(idp.origin, scheme))
        const product = await startProduct(cluster, file)
        running.push(product)
        return product
      },
      async startFloor() {
        const floor = await startFloor(cluster, idp.origin)
        running.push(floor)
        return floor
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startProduct(cluster: TestCluster, file: string): Promise<RunningProduct> {
  const { url } = await cluster.clone()
  await counting(url)
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const began = performance.now()
  const server = spawnServer(REPOSITORY, {
    NODE_ENV: 'production',
    DATABASE_URL: url,
    DATABASE_POOL_MAX: POOL,
    CONFIG_FILE: file,
    SECRET_KEY,
    METRICS_TOKEN,
    PUBLIC_URL: origin,
    HOST: '127.0.0.1',
    PORT: String(port),
    // Each browser of the bench is at an address of its own.
    TRUST_PROXY: '1',
    ALLOW_PRIVATE_IDP: '1',
  })
  await untilReady(server)
  return {
    pid: server.child.pid ?? 0,
    origin,
    start: `${origin}/myaccount`,
    rows: (sql, values) => rowsOf(url, sql, values),
    readyAfterMs: performance.now() - began,
    async delay() {
      const answer = await fetch(`${origin}/metrics`, { headers: { Authorization: `Bearer ${METRICS_TOKEN}` } })
      const [, seconds] = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(await answer.text()) ?? []
      return Number(seconds) * 1000
    },
    async stop() {
      await server.end('SIGKILL')
    },
  }
}

async function startFloor(cluster: TestCluster, issuer: string): Promise<Contender> {
  await rowsOf(cluster.url('postgres'), 'CREATE DATABASE floor')
  const url = cluster.url('floor')
  await counting(url)
  const program = await startProgram('floor.ts', { DATABASE_URL: url, DATABASE_POOL_MAX: POOL, ISSUER: issuer })
  return { ...program, start: `${program.origin}/login`, rows: (sql, values) => rowsOf(url, sql, values) }
}

/** Statements are counted for the whole server and read in each database. */
async function counting(url: string): Promise<void> {
  await rowsOf(url, 'CREATE EXTENSION pg_stat_statements')
}

/** JSON is YAML. */
function configuration(issuer: string, scheme: Scheme): string {
  return JSON.stringify({
    organization: { name: 'Northwind', privacyPolicyUrl: 'https://northwind.example/privacy' },
    identityProviders: [
      {
        name: 'acme',
        displayName: 'Acme',
        oidc: { issuer, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, scopes: ['openid', 'email', 'profile'] },
        claims: { username: 'preferred_username', mappings: { email: 'email', name: 'name' } },
        provisioning: { jit: { isEnabled: true, scheme } },
      },
    ],
    purposes: [
      {
        id: 'recover',
        purpose: 'Recover your account',
        description: 'So that we can help you if you lose your password',
        piiCategories: [
          { name: 'email', mandatory: true },
          { name: 'name', mandatory: false },
        ],
      },
    ],
    applications: [APPLICATION],
  })
}
