// The demo, started as people start it: what it prints, whom it lets in and how, and what it leaves behind.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { personas, subjectOf } from '../src/demo/personas.ts'
import { type Browser, openBrowser, type Page } from './support/browser.ts'
import { REPOSITORY } from './support/built.ts'
import {
  DEMO_WAYS,
  type DemoMode,
  type DemoProcess,
  emptyFolder,
  freePorts,
  gone,
  isRunning,
  spawnProgram,
  startDemoProcess,
} from './support/demo.ts'
import { PASSWORD } from './support/people.ts'

/** How soon people are served again after a stop or a kill. */
const NEXT_START_MS = 10_000

describe('the demo, started in an empty folder with nothing configured', () => {
  let place: Awaited<ReturnType<typeof emptyFolder>>
  let port: number
  let demo: DemoProcess
  before(async () => {
    place = await emptyFolder()
    port = await freePorts()
    // File by file, as everybody starts it; all others of these tests run the same program in one file.
    demo = await startDemoProcess(place.folder, port, { program: REPOSITORY })
  })
  after(async () => {
    await demo.end('SIGTERM')
    await place.remove()
  })

  it('says in at most twelve lines where to go, and has nothing to complain about', () => {
    assert.equal(demo.applicationUrl, `http://localhost:${port + 1}`)
    assert.equal(demo.url, `http://localhost:${port}`)
    assert.equal(demo.idpUrl, `http://127.0.0.1:${port + 2}`)
    assert.ok(demo.stdout().trimEnd().split('\n').length <= 12, demo.stdout())
    assert.equal(demo.stderr(), '')
  })

  it('shows every page beside the application, and none of that at the product itself', async () => {
    const home = await openBrowser().open(demo.applicationUrl)
    assert.match((await home.click('Every page of Vestibule')).text, /register: first view/)
    const place = '/gallery/sample/ar/register-first-view'
    assert.match(await (await fetch(demo.applicationUrl + place)).text(), /<html lang="ar" dir="rtl">/)
    for (const at of ['/gallery', place]) assert.equal((await fetch(demo.url + at)).status, 404)
  })

  it('signs the first person in within ten seconds more', async () => {
    const started = performance.now()
    const home = await enter(openBrowser(), 'silent', 'ben')
    assert.match(home.text, /You are signed in .*preferred_username ben-silent/)
    assert.ok(performance.now() - started < 10_000)
  })

  it('lets one person in by all five modes, in one browser, as five different people to the application', async () => {
    const browser = openBrowser()
    const subjects: string[] = []
    for (const mode of Object.keys(DEMO_WAYS) as DemoMode[]) {
      const home = await enterAs(browser, mode, 'asha')
      assert.match(home.text, /You are signed in/, mode)
      assert.match(home.text, new RegExp(`preferred_username asha-${mode} `), mode)
      assert.match(home.text, /email asha@acme\.example email_verified true/, mode)
      subjects.push(subjectShown(home))
      const asked = await home.press('Sign out')
      const out = await asked.press('Sign out')
      assert.equal(out.url, `${demo.applicationUrl}/`)
      assert.match(out.text, /Where to next\?/)
    }
    assert.equal(new Set(subjects).size, 5, 'each idp asserts a person of its own')
    assert.match(subjects[0] ?? '', /^fed\./)
    const users = await demo.rows<{ username: string; sub: string }>(
      `SELECT username FROM users WHERE username LIKE 'asha-%' ORDER BY username`,
    )
    const names = users.map(({ username }) => username)
    assert.deepEqual(names, ['asha-consent', 'asha-password', 'asha-silent', 'asha-username'])
  })

  it('tells Ben that Acme did not send his phone number, and makes his account without it', async () => {
    const asked = await enter(openBrowser(), 'consent', 'ben')
    assert.match(asked.text, /Mobile number .*did not send this/)
    assert.throws(() => asked.tick('recover:phone_number'))
    const home = await asked.tick('recover:email').press('Create account')
    assert.match(home.text, /You are signed in/)
    assert.doesNotMatch(home.text, /phone_number/)
  })

  it('tells Chen where she is asked that her username is taken, and lets her choose another', async () => {
    for (const mode of ['consent', 'password', 'username'] as const) {
      const asked = await enter(openBrowser(), mode, 'chen')
      assert.match(asked.html, /data-msg="USERNAME_TAKEN"/, mode)
      const answer = (page: Page) => {
        if (mode !== 'consent') page.fill({ password: PASSWORD })
        return page.tick('recover:email').press('Create account')
      }
      const again = await answer(asked)
      assert.equal(again.status, 422)
      assert.match(again.html, /data-msg="USERNAME_TAKEN"/, mode)
      const home = await answer(again.fill({ username: `wei-${mode}` }))
      assert.match(home.text, new RegExp(`preferred_username wei-${mode} `))
    }
  })

  it('turns Chen away with a page where nobody is asked, and tells the application when she returns', async () => {
    const refused = await enter(openBrowser(), 'silent', 'chen')
    assert.equal(refused.status, 409)
    assert.match(refused.html, /data-msg="USERNAME_TAKEN"/)
    const back = await refused.click('Return to Travel')
    assert.match(back.text, /access_denied: USERNAME_TAKEN/)
  })

  it("passes on that Dora's e-mail address was never verified, kept or not", async () => {
    for (const mode of ['none', 'silent'] as const) {
      const home = await enter(openBrowser(), mode, 'dora')
      assert.match(home.text, /email dora@acme\.example email_verified false/, mode)
    }
  })

  it('makes an engineer of Dora, who is in that group at Acme, says so where she is asked, and tells the application', async () => {
    const asked = await enter(openBrowser(), 'username', 'dora')
    assert.match(asked.text, /We also keep what Acme \(username\) says you may do here: engineer/)
    const home = await asked.fill({ password: PASSWORD }).tick('recover:email').press('Create account')
    assert.match(home.text, /preferred_username dora-username .*roles \["engineer"\]/)
  })

  it('knows the local sign-in that it printed', async () => {
    const choice = await openBrowser().open(`${demo.applicationUrl}/sign-in`)
    const home = await choice.fill(demo.localUser).press('Sign in')
    assert.match(home.text, new RegExp(`You are signed in .*preferred_username ${demo.localUser.username}`))
  })

  it('cannot be started twice on one folder, and the first goes on', async () => {
    const second = await spawnProgram(place.folder, { PORT: String(await freePorts()) })
    const { code, stderr } = await endOf(second)
    assert.equal(code, 1)
    assert.match(stderr, /another Vestibule is using this folder/)
    assert.match((await enter(openBrowser(), 'silent', 'ben')).text, /You are signed in/)
  })

  it('on SIGTERM finishes what has begun, waits for nobody else, exits with 0 and leaves no database behind', async () => {
    const processes = await demo.databaseProcesses()
    assert.ok(processes.length > 1 && processes.every(isRunning))
    // Browsers open connections before they have anything to ask, and keep them when they have their answer.
    const unused = await openConnection()
    const busy = await openConnection()
    let answer = ''
    busy.on('data', (chunk) => {
      answer += chunk
    })
    try {
      const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3'
      busy.write(`POST /authenticationendpoint/login.do HTTP/1.1\r\nHost: localhost:${port}\r\n${form}\r\n\r\n`)
      await sleep(100)
      const end = demo.end('SIGTERM')
      await sleep(100)
      busy.write('a=b')
      const { code } = await Promise.race([end, late(5_000)])
      assert.equal(code, 0)
      assert.match(answer, /^HTTP\/1\.1 404 /)
      assert.equal(demo.stderr(), '')
      await gone(processes)
    } finally {
      unused.destroy()
      busy.destroy()
      await demo.end('SIGKILL')
    }
  })

  it('knows the same people at the second start, and asks them nothing again', async () => {
    demo = await startDemoProcess(place.folder, port, { withinMs: NEXT_START_MS })
    assert.equal(demo.stderr(), '')
    const users = await demo.rows<{ id: string }>(
      `SELECT u.id FROM users u JOIN identities i ON i.user_id = u.id WHERE i.subject = $1`,
      personas.filter(({ name }) => name === 'asha').map(subjectOf),
    )
    assert.equal(users.length, 4)
    const subjects: string[] = []
    for (const mode of ['silent', 'consent', 'password', 'username'] as const) {
      const home = await enter(openBrowser(), mode, 'asha')
      assert.match(home.text, new RegExp(`You are signed in .*preferred_username asha-${mode} `))
      subjects.push(subjectShown(home))
    }
    assert.deepEqual(subjects.toSorted(), users.map(({ id }) => id).toSorted())
  })

  // Control, in soak/controls/demo.ts: a watchdog that asks PostgreSQL nothing when its owner is gone.
  it('leaves no database behind when it is killed in the middle of sign-ins, and goes on with them at the next start', async () => {
    const [asked, known] = [openBrowser(), openBrowser()]
    const question = await enter(asked, 'consent', 'dora')
    assert.match(question.text, /Create account/)
    const before = subjectShown(await enter(known, 'silent', 'asha'))
    const processes = await demo.databaseProcesses()
    assert.ok(processes.length > 1 && processes.every(isRunning))
    const underWay = Array.from({ length: 5 }, () => enter(openBrowser(), 'silent', 'ben').catch(() => undefined))
    await sleep(50)
    assert.equal((await demo.end('SIGKILL')).signal, 'SIGKILL')
    await gone(processes)
    await Promise.all(underWay)

    demo = await startDemoProcess(place.folder, port, { withinMs: NEXT_START_MS })
    assert.equal(subjectShown(await enter(openBrowser(), 'silent', 'asha')), before)
    // The question that was open is answered; the demo's application has forgotten meanwhile that it asked who she is.
    const home = await question.tick('recover:email').press('Create account')
    assert.ok(home.url.startsWith(demo.applicationUrl), home.text)
    const again = await asked.open(`${demo.applicationUrl}/sign-in`)
    assert.match(again.text, /You are signed in .*preferred_username dora-consent /)
  })

  async function openConnection(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  /** From the application to the idp of a mode and back, as far as it goes without an answer. */
  async function enter(browser: Browser, mode: DemoMode, persona: string): Promise<Page> {
    const choice = await browser.open(`${demo.applicationUrl}/sign-in`)
    const people = await choice.click(DEMO_WAYS[mode])
    return people.press(persona)
  }

  async function enterAs(browser: Browser, mode: DemoMode, persona: string): Promise<Page> {
    const page = await enter(browser, mode, persona)
    if (mode === 'none' || mode === 'silent') return page
    if (mode !== 'consent') page.fill({ password: PASSWORD })
    return page.tick('recover:email').press('Create account')
  }
})

describe('without a database in production or on a platform', () => {
  for (const settings of [{ NODE_ENV: 'production' }, { DYNO: 'web.1' }]) {
    it(`the program refuses to start with exit code 78 and names what is missing: ${JSON.stringify(settings)}`, async () => {
      const { folder, remove } = await emptyFolder()
      try {
        const { code, stdout, stderr } = await endOf(await spawnProgram(folder, settings))
        assert.equal(code, 78, stderr)
        assert.match(stderr, /DATABASE_URL/)
        assert.equal(stdout, '')
      } finally {
        await remove()
      }
    })
  }
})

function subjectShown(home: Page): string {
  return /\bsub (\S+)/.exec(home.text)?.[1] ?? ''
}

async function endOf(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  await once(child, 'close')
  return { code: child.exitCode, stdout, stderr }
}

async function late(ms: number): Promise<never> {
  await sleep(ms, undefined, { ref: false })
  throw new Error(`nothing happened within ${ms} ms`)
}
