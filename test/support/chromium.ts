// A real browser for the tests, with or without JavaScript. It brings its own Chromium where the machine has none.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliDecompressSync } from 'node:zlib'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

export interface ChromiumOptions {
  javaScript: boolean
  /** Accept any certificate, for the tests' TLS proxy. */
  ignoreTls?: boolean
  /** Chromium's --host-resolver-rules, such as `MAP *.example 127.0.0.1`. */
  hostRules?: string
  /** Anything else that Playwright can pretend of a browser: a telephone, a proxy. */
  context?: BrowserContextOptions
}

export interface Chromium {
  page: Page
  context: BrowserContext
  /** What the console showed as an error, violations of the content security policy included. */
  consoleErrors: string[]
  /** Those of them that the content security policy caused. Empty is a promise of the product. */
  cspViolations: string[]
  close(): Promise<void>
}

/** A fresh browser profile with one page. The browser behind it is shared by the process and ends soon after the last `close`. */
export async function openChromium(options: ChromiumOptions): Promise<Chromium> {
  const shared = await borrowBrowser(options.hostRules ?? '')
  const context = await shared.browser.newContext({
    ...options.context,
    javaScriptEnabled: options.javaScript,
    ignoreHTTPSErrors: options.ignoreTls ?? false,
  })
  const consoleErrors: string[] = []
  const cspViolations: string[] = []
  context.on('console', (message) => {
    if (message.type() === 'error') consoleErrors.push(message.text())
    if (message.text().includes('Content Security Policy')) cspViolations.push(message.text())
  })
  context.on('weberror', (error) => consoleErrors.push(String(error.error())))
  return {
    page: await context.newPage(),
    context,
    consoleErrors,
    cspViolations,
    close: async () => {
      await context.close()
      shared.giveBack()
    },
  }
}

const lent = new Map<string, { browser: Promise<Browser>; users: number }>()
// Long enough for the next test to begin; an open browser keeps the process alive.
const idleMs = 3_000

async function borrowBrowser(hostRules: string): Promise<{ browser: Browser; giveBack(): void }> {
  const entry = lent.get(hostRules) ?? { browser: launch(hostRules), users: 0 }
  lent.set(hostRules, entry)
  entry.users += 1
  const giveBack = () => {
    entry.users -= 1
    setTimeout(async () => {
      if (entry.users > 0 || lent.get(hostRules) !== entry) return
      lent.delete(hostRules)
      await (await entry.browser).close()
    }, idleMs)
  }
  return { browser: await entry.browser, giveBack }
}

async function launch(hostRules: string): Promise<Browser> {
  const { executablePath, env } = await findChromium()
  // Only these: the arguments that the package suggests turn off site isolation and web security, which tests rely on.
  const args = [
    '--no-sandbox',
    '--headless=shell',
    '--disable-gpu',
    ...(hostRules === '' ? [] : [`--host-resolver-rules=${hostRules}`]),
  ]
  return chromium.launch({ executablePath, args, env: { ...process.env, ...env }, timeout: 30_000 })
}

async function findChromium(): Promise<{ executablePath: string; env: Record<string, string> }> {
  const installed = [process.env.CHROMIUM_PATH, '/usr/bin/chromium-headless-shell', '/usr/bin/chromium']
  const executablePath = installed.find((path) => path !== undefined && existsSync(path))
  if (executablePath !== undefined) return { executablePath, env: {} }

  unpacking ??= unpack()
  const folder = await unpacking
  const unpacked = join(folder, 'chromium')
  const env = {
    ...(existsSync('/etc/fonts/fonts.conf') ? {} : { FONTCONFIG_PATH: join(folder, 'fonts') }),
    ...(lacksLibraries(unpacked) ? { LD_LIBRARY_PATH: await unpackLibraries(folder) } : {}),
  }
  return { executablePath: unpacked, env }
}

const packageFolder = dirname(dirname(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium'))))

let unpacking: Promise<string> | undefined

/** Unpacks the browser of the package @sparticuz/chromium below .cache, once per version, and returns the folder. */
async function unpack(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8'))
  const folder = fileURLToPath(new URL(`../../.cache/chromium-${version}`, import.meta.url))
  if (existsSync(folder)) return folder
  // Beside it first and then moved, so that nobody starts a browser that another process is still writing.
  const beside = `${folder}.${process.pid}`
  await mkdir(beside, { recursive: true })
  // The package always unpacks to the temporary folder, and takes whatever lies there for its own version. In a process of its own: a folder
  // that anybody else made meanwhile would be there too, and move.
  const program = `import(${JSON.stringify(import.meta.resolve('@sparticuz/chromium'))}).then(({ default: packaged }) => packaged.executablePath())`
  await promisify(execFile)(process.execPath, ['--eval', program], { env: { ...process.env, TMPDIR: beside } })
  await rename(beside, folder).catch(() => rm(beside, { recursive: true }))
  return folder
}

function lacksLibraries(executable: string): boolean {
  return execFileSync('ldd', [executable], { encoding: 'utf8' }).includes('not found')
}

/** For bare systems: the libraries that the package carries for such cases, but unpacks on its own platform only. */
async function unpackLibraries(folder: string): Promise<string> {
  const libraries = join(folder, 'al2023', 'lib')
  if (existsSync(libraries)) return libraries
  const archive = join(folder, 'al2023.tar')
  await writeFile(archive, brotliDecompressSync(await readFile(join(packageFolder, 'bin', 'al2023.tar.br'))))
  await mkdir(dirname(libraries), { recursive: true })
  execFileSync('tar', ['-xf', archive, '-C', dirname(libraries)])
  await rm(archive)
  return libraries
}
