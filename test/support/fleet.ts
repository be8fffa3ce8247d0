// Several servers of the product in processes of their own, on one database, behind a round-robin proxy: the built program as platforms run it.
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Declared } from '../../src/declared.ts'
import type { Application, ApplicationOptions } from './application.ts'
import { oneFileEach } from './one-file.ts'
import { type RoundRobin, startRoundRobin } from './round-robin.ts'
import { freePort, type Scene, type SceneOptions, SECRET_KEY, setScene } from './scene.ts'
import { type ServerProcess, spawnServer, untilReady } from './server-process.ts'

export interface Fleet extends Scene {
  /** In front of the servers; `url` is its address. */
  proxy: RoundRobin
  /** The servers behind the proxy. */
  servers: ServerProcess[]
  /** Starts one more and puts it behind the proxy when it is ready. */
  start(env?: Record<string, string>): Promise<ServerProcess>
  /** Starts one more that the proxy does not know of: the test sends it what it is to get. Any number may start at once. */
  startAside(env?: Record<string, string>): Promise<ServerProcess>
  /** Takes a server from behind the proxy and ends it. */
  end(server: ServerProcess, signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): ReturnType<ServerProcess['end']>
  /** Another application, declared; servers that start from now on know it. */
  addApplication(options?: Partial<ApplicationOptions>): Promise<Application>
  stop(): Promise<void>
}

export interface FleetOptions extends SceneOptions {
  servers: number
  /** Added to the environment of each server, or put in place of what stands there. */
  env?: Record<string, string>
  /** A folder with a built program of its own, such as a copy that was broken on purpose; ours, in one file, if left out. */
  program?: string
  /** Given the database's address; returns the one that servers use, such as a proxy's or a pooler's in between. */
  database?: (url: string) => string
  /** The port that people use; a free one if left out. With `proxied: false` somebody else listens there. */
  port?: number
  proxied?: boolean
  /** The proxy asks the servers this often whether they are ready; left out, it gives each its turn. */
  checkEveryMs?: number
}

/** Starts the servers one after another (the first declares and makes keys). All modes are offered unless `modes` says otherwise. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const proxy = await startRoundRobin(options.proxied === false ? 0 : options.port, options)
  const url = `http://localhost:${options.proxied === false ? options.port : proxy.port}`
  const scene = await setScene(url, { modes: ['none', 'silent', 'consent', 'password', 'username'], ...options })
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-fleet-'))
  const program = options.program ?? (await oneFileEach())
  const configFile = join(folder, 'vestibule.yaml')
  let configured = ''
  const fleet: Fleet = {
    ...scene,
    get declared() {
      return scene.declared
    },
    proxy,
    servers: [],
    async start(env = {}) {
      const server = await fleet.startAside(env)
      proxy.targets.push(server.port)
      return server
    },
    async startAside(env = {}) {
      // Written when it changed and not before: another server may be reading it.
      const file = configurationFile(scene.declared)
      if (file !== configured) writeFileSync(configFile, file)
      configured = file
      const port = await freePort()
      const server = spawnServer(program, {
        NODE_ENV: 'production',
        DATABASE_URL: options.database?.(scene.databaseUrl) ?? scene.productDatabaseUrl,
        CONFIG_FILE: configFile,
        SECRET_KEY,
        PUBLIC_URL: url,
        HOST: '127.0.0.1',
        PORT: String(port),
        TRUST_PROXY: '1',
        ALLOW_PRIVATE_IDP: '1',
        ...options.env,
        ...env,
      })
      fleet.servers.push(server)
      await untilReady(server)
      return server
    },
    async end(server, signal) {
      proxy.targets = proxy.targets.filter((port) => port !== server.port)
      fleet.servers = fleet.servers.filter((one) => one !== server)
      return server.end(signal)
    },
    async addApplication(extra = {}) {
      return scene.add(extra, {
        identityProviders: options.modes ?? ['none', 'silent', 'consent', 'password', 'username'],
      })
    },
    async stop() {
      await Promise.all(fleet.servers.map((server) => server.end('SIGKILL')))
      await proxy.stop()
      await scene.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    for (let count = 0; count < options.servers; count += 1) await fleet.start()
  } catch (error) {
    await fleet.stop()
    throw error
  }
  return fleet
}

/** A declaration as the configuration file that makes it. JSON is YAML. */
function configurationFile(declared: Declared): string {
  const { jitProvisioning, identityProviders, ...rest } = declared
  return JSON.stringify({
    ...rest,
    authentication: {
      jit_provisioning: {
        username_provisioning_url: jitProvisioning.usernameProvisioningUrl,
        password_provisioning_url: jitProvisioning.passwordProvisioningUrl,
        enable_enhanced_feature: jitProvisioning.enableEnhancedFeature,
        show_failure_reason: jitProvisioning.showFailureReason,
        require_second_factor: jitProvisioning.requireSecondFactor,
      },
    },
    identityProviders: identityProviders.map(({ jit, ...idp }) => ({ ...idp, provisioning: { jit } })),
  })
}
