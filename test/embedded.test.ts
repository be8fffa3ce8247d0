// The embedded PostgreSQL keeps its data, guards its folder and never outlives its owner.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../src/db/embedded.ts'
import { REPOSITORY } from './support/built.ts'
import { startTestCluster } from './support/database.ts'

const settings = { fsync: 'off' }

// Several at once: most of the time goes by in waiting.
describe('the embedded PostgreSQL', { concurrency: true }, () => {
  describe('on one folder, one start after another', { concurrency: false }, () => {
    let folder: string
    before(async () => {
      folder = await temporaryFolder(0o711)
    })
    after(() => rm(folder, { recursive: true }))

    it('keeps its data between two runs', async () => {
      const first = await startEmbeddedPostgres({ folder, settings })
      await query(first.url, 'create table kept as select 42 as answer')
      await first.stop()
      const second = await startEmbeddedPostgres({ folder, settings })
      try {
        assert.deepEqual(await query(second.url, 'select answer from kept'), [{ answer: 42 }])
      } finally {
        await second.stop()
      }
    })

    it('speaks UTF-8, asks for a password, and listens on loopback alone', async () => {
      const server = await startEmbeddedPostgres({ folder, settings })
      try {
        const shown = await query(
          server.url,
          `select current_database(), current_user, lower('ÅÖ') as lower, current_setting('server_encoding') as encoding,
         current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets`,
        )
        const expected = { current_database: 'vestibule', current_user: 'vestibule', lower: 'åö', encoding: 'UTF8' }
        assert.deepEqual(shown, [{ ...expected, addresses: '127.0.0.1', sockets: '' }])
        await assert.rejects(query(server.url.replace(/:[^:@]+@/, ':guess@'), 'select 1'), { code: '28P01' })
      } finally {
        await server.stop()
      }
    })

    it('keeps its password where only its owner can read it', async () => {
      const { mode } = await stat(join(folder, 'postgres-password'))
      assert.equal(mode & 0o777, 0o600)
      assert.match(await readFile(join(folder, 'postgres-password'), 'utf8'), /^[0-9a-f]{48}\n$/)
    })

    it('leaves no process behind when it is stopped, even twice', async () => {
      const server = await startEmbeddedPostgres({ folder, settings })
      const pids = await processesOf(server.url, folder)
      assert.ok(pids.every(isRunning), 'a running server has running processes')
      await Promise.all([server.stop(), server.stop()])
      await server.stop()
      assert.deepEqual(pids.filter(isRunning), [])
    })

    it('refuses a second start on the same folder and leaves the first alone', async () => {
      const first = await startEmbeddedPostgres({ folder, settings })
      try {
        await assert.rejects(startEmbeddedPostgres({ folder, settings }), /another Vestibule is using this folder/)
        assert.deepEqual(await query(first.url, 'select 1 as alive'), [{ alive: 1 }])
      } finally {
        await first.stop()
      }
    })

    it('is gone within 5 seconds when its owner is killed, and the next start works', async () => {
      const owner = await startOwner(folder)
      const pids = await processesOf(owner.url, folder)
      assert.ok(pids.every(isRunning), 'the server of the other process runs')
      owner.kill()
      const deadline = performance.now() + 5_000
      while (pids.some(isRunning) && performance.now() < deadline) await sleep(20)
      assert.deepEqual(pids.filter(isRunning), [])
      await (await startEmbeddedPostgres({ folder, settings })).stop()
    })

    it('starts at once after its owner was killed, without waiting for the old server to be gone', async () => {
      const owner = await startOwner(folder)
      owner.kill()
      await (await startEmbeddedPostgres({ folder, settings })).stop()
    })

    it('is not kept from starting by a process that took the number of a server long gone', async () => {
      const file = join(folder, 'postgres', 'postmaster.pid')
      await writeFile(file, `${process.pid}\n${join(folder, 'postgres')}\n1\n1\n\n\n\nready\n`)
      await (await startEmbeddedPostgres({ folder, settings })).stop()
    })

    it('says what to do when the password is lost', async () => {
      const path = join(folder, 'postgres-password')
      const password = await readFile(path)
      await rm(path)
      await assert.rejects(startEmbeddedPostgres({ folder, settings }), /postgres-password is missing.* put it back/)
      await writeFile(path, 'not-the-password', { mode: 0o600 })
      await assert.rejects(startEmbeddedPostgres({ folder, settings }), /is not that of .* restore the pair/)
      await writeFile(path, password, { mode: 0o600 })
      await (await startEmbeddedPostgres({ folder, settings })).stop()
    })
  })

  it('two first starts at once end with one server and one clear refusal', async () => {
    const folder = await temporaryFolder(0o711)
    try {
      const starts = [startEmbeddedPostgres({ folder, settings }), startEmbeddedPostgres({ folder, settings })]
      const ends = await Promise.allSettled(starts)
      const refusals = ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []))
      for (const end of ends) if (end.status === 'fulfilled') await end.value.stop()
      assert.equal(refusals.length, 1)
      assert.match(refusals[0] ?? '', /another Vestibule is using this folder/)
      assert.deepEqual((await readdir(folder)).sort(), ['postgres', 'postgres-password'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('works below a folder that only its owner may enter, root included', async () => {
    const folder = await temporaryFolder(0o700)
    try {
      // Root hands the data of an open folder to an unprivileged user; anyone else, and root in a closed one, owns it.
      for (const mode of [0o700, 0o711, 0o700]) {
        await chmod(folder, mode)
        const server = await startEmbeddedPostgres({ folder, settings })
        assert.deepEqual(await query(server.url, 'select 1 as alive'), [{ alive: 1 }])
        await server.stop()
        if (mode === 0o700) assert.equal((await stat(join(folder, 'postgres'))).uid, process.geteuid?.())
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('says which PostgreSQL is missing for a data folder of another version', async () => {
    const folder = await temporaryFolder(0o711)
    await mkdir(join(folder, 'postgres'))
    await writeFile(join(folder, 'postgres', 'PG_VERSION'), '9.6\n')
    try {
      await assert.rejects(startEmbeddedPostgres({ folder }), /made by PostgreSQL 9, .*install that version/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('clones of a test cluster start from the template and do not see one another', async () => {
    const cluster = await startTestCluster()
    try {
      await cluster.template((url) => query(url, `create table people as select 'ada' as name`).then(() => {}))
      const [one, two] = await Promise.all([cluster.clone(), cluster.clone()])
      await query(one.url, `insert into people values ('grace')`)
      assert.deepEqual(await query(one.url, 'select name from people'), [{ name: 'ada' }, { name: 'grace' }])
      assert.deepEqual(await query(two.url, 'select name from people'), [{ name: 'ada' }])
      await one.drop()
      await assert.rejects(query(one.url, 'select 1'), { code: '3D000' })
    } finally {
      await cluster.stop()
    }
  })
})

async function temporaryFolder(mode: number): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'vestibule-embedded-')))
  await chmod(folder, mode)
  return folder
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

/** The numbers of the server's main process and of the helpers it has told us of. */
async function processesOf(url: string, folder: string): Promise<number[]> {
  const main = Number.parseInt(await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8'), 10)
  const helpers = (await query(url, 'select pid from pg_stat_activity where pid <> pg_backend_pid()')) as {
    pid: number
  }[]
  return [main, ...helpers.map(({ pid }) => pid)]
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Another process that starts the server on `folder` and waits to be killed. */
async function startOwner(folder: string): Promise<{ url: string; kill(): void }> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(join(REPOSITORY, 'src/db/embedded.ts'))}
    const { url } = await startEmbeddedPostgres({ folder: process.argv[1], settings: { fsync: 'off' } })
    console.log(url)
    setInterval(() => {}, 1_000)`
  const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(owner.stdout, 'data')
  return { url: String(line).trim(), kill: () => owner.kill('SIGKILL') }
}
