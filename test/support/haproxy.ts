// HAProxy in front of servers of ours, configured as an operator would: Debian's package, health checks, nothing that helps a server that stops badly.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Haproxy {
  /** Puts a server on another port in the place of the one on `former`; returns when it is given requests. */
  replace(former: number, port: number): Promise<void>
  /** What it counted so far, over all servers. */
  counted(): Promise<HaproxyCounts>
  stop(): Promise<void>
}

export interface HaproxyCounts {
  requests: number
  /** Answers that a server began and did not finish, or never began. */
  lost: number
  /** Connections that had to be tried again, here or at another server. */
  retried: number
  /** Answers of 500 and above, its own included. */
  failed: number
}

const BACKEND = 'vestibule'
const READY_WITHIN_MS = 20_000

/** Listens on `port` of 127.0.0.1 for `servers` there. Throws how to install it when it is not there. */
export async function startHaproxy(options: { port: number; servers: number[] }): Promise<Haproxy> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-haproxy-'))
  const socketFile = join(folder, 'runtime.sock')
  const file = join(folder, 'haproxy.cfg')
  await writeFile(file, configuration(options.port, options.servers, socketFile))
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const ended = once(child, 'exit').then(
    () => new Error(`HAProxy ended:\n${output}`),
    () => new Error('HAProxy is not installed. On Debian: apt-get install haproxy'),
  )
  const slots = [...options.servers]

  const haproxy: Haproxy = {
    async replace(former, port) {
      const slot = slots.indexOf(former)
      slots[slot] = port
      const said = await command(socketFile, `set server ${BACKEND}/s${slot} addr 127.0.0.1 port ${port}`)
      if (!said.includes(`'${port}'`)) throw new Error(`HAProxy did not take the server: ${said}`)
      await untilUp(slots.length)
    },
    async counted() {
      const rows = await statistics(socketFile)
      const total = rows.find(({ svname }) => svname === 'BACKEND') ?? {}
      const count = (...names: string[]) => names.reduce((sum, name) => sum + Number(total[name] ?? 0), 0)
      return {
        requests: count('req_tot'),
        lost: count('eresp'),
        retried: count('wretr', 'wredis'),
        failed: count('hrsp_5xx'),
      }
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }

  /** Waits until so many servers have passed their check. */
  async function untilUp(servers: number): Promise<void> {
    for (const until = performance.now() + READY_WITHIN_MS; ; await sleep(50)) {
      const rows = await statistics(socketFile).catch(() => [])
      if (rows.filter(({ svname, status }) => svname !== 'BACKEND' && status === 'UP').length >= servers) return
      if (performance.now() > until) throw new Error(`HAProxy finds no server ready:\n${output}`)
    }
  }

  const error = await Promise.race([ended, untilUp(options.servers.length)])
  if (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return haproxy
}

function configuration(port: number, servers: number[], socketFile: string): string {
  return `
global
  stats socket ${socketFile} mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  # Only a connection that could not be made is tried again, at another server. A request that was sent is never sent twice.
  retries 3
  option redispatch 1
  retry-on conn-failure
frontend people
  bind 127.0.0.1:${port}
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  default_backend ${BACKEND}
backend ${BACKEND}
  balance roundrobin
  option httpchk GET /readyz
  default-server check inter 1s fall 2 rise 1
${servers.map((server, slot) => `  server s${slot} 127.0.0.1:${server}`).join('\n')}
`
}

/** One command of the runtime interface, and what it says. */
async function command(socketFile: string, words: string): Promise<string> {
  const socket = connect(socketFile)
  let said = ''
  socket.on('data', (chunk) => {
    said += chunk
  })
  socket.end(`${words}\n`)
  await once(socket, 'close')
  return said
}

/** The lines of "show stat" about our servers, by the names of its columns. */
async function statistics(socketFile: string): Promise<Record<string, string>[]> {
  const [header = '', ...lines] = (await command(socketFile, 'show stat')).trim().split('\n')
  const names = header.replace(/^# /, '').split(',')
  return lines
    .map((line) => Object.fromEntries(line.split(',').map((value, index) => [names[index] ?? '', value])))
    .filter(({ pxname }) => pxname === BACKEND)
}
