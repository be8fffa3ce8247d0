// Says what tests have left running: a timer, a server or a socket that nobody stopped keeps their process from its end, and says nothing.
import assert from 'node:assert/strict'
import { Server, Socket } from 'node:net'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** What ends by itself, such as a browser or a connection that is being closed, has so long after the last test. */
const PATIENCE_MS = 20_000

const intervals = new Map<NodeJS.Timeout, string>()

/** Remembers from now on where each interval was started: node says of a timer that there is one, and no more. To be called before any test is declared. */
export function watchIntervals(): void {
  const start = globalThis.setInterval
  const watched = (...words: Parameters<typeof start>) => {
    const interval = start(...words)
    intervals.set(interval, new Error().stack?.split('\n').slice(2).join('\n') ?? '')
    return interval
  }
  globalThis.setInterval = Object.assign(watched, start)
}

/** To be called when all tests are declared: a hook behind all others fails with what is left, and ends the process that would go on for ever. */
export function nothingIsLeftBehind(): void {
  after(async () => {
    await closeFetch()
    let left = process.getActiveResourcesInfo().filter(keepsRunning)
    for (const until = performance.now() + PATIENCE_MS; left.length > 0 && performance.now() < until; await sleep(50)) {
      left = process.getActiveResourcesInfo().filter(keepsRunning)
    }
    if (left.length > 0) setTimeout(() => process.exit(1), PATIENCE_MS).unref()
    assert.deepEqual(left, [], startedAt())
  })
}

/** The connections of the tests' own fetch: one whose answer nobody reads is held until the collector comes by. */
async function closeFetch(): Promise<void> {
  const { [Symbol.for('undici.globalDispatcher.1')]: dispatcher } = globalThis as { [key: symbol]: unknown }
  await (dispatcher as { destroy?(): Promise<void> } | undefined)?.destroy?.()
}

/** Not those of our own output, nor that of the database, which the last hook stops. */
function keepsRunning(resource: string): boolean {
  return !/^(Pipe|TTY|Process)Wrap$/.test(resource)
}

/** Private to node, and good for words alone. */
function startedAt(): string {
  const running = [...intervals].filter(([interval]) => !(interval as { _destroyed?: boolean })._destroyed)
  const handles = (process as unknown as { _getActiveHandles(): object[] })._getActiveHandles()
  const sockets = handles.flatMap((handle) =>
    handle instanceof Socket && handle.remotePort !== undefined
      ? [
          `a socket from ${handle.localPort} to ${handle.remotePort}, ${handle.bytesRead} bytes read: ${handle.listeners('data')}`,
        ]
      : handle instanceof Server
        ? [`a server at ${JSON.stringify(handle.address())}`]
        : [],
  )
  return ['this is left, with these intervals:', ...running.map(([, at]) => at), ...sockets].join('\n')
}
