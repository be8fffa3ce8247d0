// Races over several processes: each a claim about whoever comes at the same moment, checked in the answers, at the application and in the rows.
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Declared } from '../../src/declared.ts'
import type { Application } from './application.ts'
import { openBrowser, type Page } from './browser.ts'
import { manyDisguisesOf, nameWithDisguises } from './disguises.ts'
import type { Fleet } from './fleet.ts'
import { brokenInvariants } from './invariants.ts'
import { PASSWORD } from './people.ts'
import { arrive, callbackOf, fillRegister, messagesOf, stranger } from './road.ts'
import type { Mode } from './scene.ts'
import { flowIdOf, knownPerson, storedPerson } from './visits.ts'
import { givenOn } from './walkers.ts'

/** What a fleet for races is started with: two idps that provision silently, and trust in the address that each browser tells. */
export const RACING = {
  env: { TRUST_PROXY: '2' },
  silentIdps: ['silent', 'password'] as [Mode, Mode],
  change: (declared: Declared): Declared => ({
    ...declared,
    identityProviders: declared.identityProviders.map((idp) =>
      idp.name === 'password' ? { ...idp, jit: { ...idp.jit, scheme: 'PROVISION_SILENTLY' } } : idp,
    ),
  }),
}

const ARRIVING = 10
const OPTIONAL = ['recover:phone_number', 'office:department']

/** Fails when anything in the database is not as it must be at every moment. */
export async function assertWhole(fleet: Fleet): Promise<void> {
  assert.deepEqual(await brokenInvariants(fleet.rows), [])
}

/**
 * One person's first sign-ins, each in a browser of its own, all ending at once: one user, whom every application is told of,
 * and the answers of the one that made it. In an asking mode each ticks something else.
 */
export async function onePersonOneUser(
  fleet: Fleet,
  applications: Application[],
  mode: 'silent' | 'consent' | 'username',
  count: number,
): Promise<void> {
  const person = stranger(fleet)
  const entries = await arriving(
    Array.from({ length: count }, (_, index) => async () => {
      const application = applications[index % applications.length] ?? fleet.application
      const ticks = ['recover:email', ...OPTIONAL.filter((_box, bit) => (index >> bit) & 1)]
      const username = mode === 'username' ? `${person.preferred_username}-${index}` : person.preferred_username
      const browser = openBrowser()
      if (mode === 'silent') {
        const callback = await callbackOf(fleet, browser, mode, person, { application })
        return { application, ticks, username, flowId: '', end: () => browser.open(callback) }
      }
      const prompt = await arrive(fleet, browser, mode, person, { application })
      const filled = mode === 'username' ? fillRegister(prompt, username) : prompt.tick('recover:email')
      for (const box of ticks) filled.tick(box)
      return { application, ticks, username, flowId: flowIdOf(prompt), end: () => filled.press('Create account') }
    }),
  )
  const pages = await Promise.all(entries.map(({ end }) => end()))

  const { user, attributes, consents, events } = await knownPerson(fleet, person.sub)
  const subjects = entries.map(({ application }, index) => givenOn(application, pages[index] as Page).sub)
  assert.deepEqual(subjects, Array(count).fill(user.id), 'every application is told of the same user')
  const kinds = events.map(({ event }) => event).sort()
  assert.deepEqual(kinds, [...Array(count - 1).fill('sign-in'), 'user-created'], 'one event for each flow')
  const users = await fleet.rows('SELECT 1 FROM users WHERE username LIKE $1', [`${person.preferred_username}%`])
  assert.equal(users.length, 1, 'nobody else was made')

  const winner = entries.find(({ flowId }) => flowId === consents[0]?.flow_id)
  assert.equal(winner === undefined, mode === 'silent')
  if (winner) {
    const answers = consents.map(({ purpose_id, attribute, is_given }) => [`${purpose_id}:${attribute}`, is_given])
    const all = ['recover:email', ...OPTIONAL]
    assert.deepEqual(
      answers,
      all.map((box) => [box, winner.ticks.includes(box)]),
      "the winner's answers stand, and nobody else's were kept",
    )
    const kept = attributes.map(({ name }) => name)
    assert.deepEqual(kept, winner.ticks.map((box) => box.split(':')[1]).sort(), 'what the winner ticked is kept')
    assert.equal(user.username, winner.username)
  }
  await assertWhole(fleet)
}

/**
 * People after one username in all its disguises at the same moment: one gets it, the others the error at its field, and they
 * go on under other names with what they ticked.
 */
export async function oneNameOnePerson(fleet: Fleet, count: number): Promise<void> {
  const name = nameWithDisguises()
  const entries = await arriving(
    manyDisguisesOf(name, count).map((spelled) => async () => {
      const person = stranger(fleet)
      const prompt = await arrive(fleet, openBrowser(), 'username', person)
      return { person, spelled, filled: fillRegister(prompt, spelled) }
    }),
  )
  const outcomes = await Promise.all(
    entries.map(async (entry) => ({ ...entry, page: await entry.filled.press('Create account') })),
  )
  const winners = outcomes.filter(({ page }) => page.url.startsWith(fleet.application.url))
  const canonical = name.normalize('NFC').toLowerCase()
  assert.equal(winners.length, 1, `${winners.length} people were given one name`)
  const named = await fleet.rows('SELECT 1 FROM users WHERE username_canonical = $1', [canonical])
  assert.equal(named.length, 1)

  const subjects = await Promise.all(
    outcomes.map(async ({ page, person, spelled }, index) => {
      if (winners[0]?.person === person) {
        assert.equal((await knownPerson(fleet, person.sub)).user.username, spelled)
        return givenOn(fleet.application, page).sub
      }
      assert.equal(page.status, 422, page.text)
      assert.deepEqual([...new Set(messagesOf(page.html))], ['USERNAME_TAKEN'], spelled)
      assert.equal(await storedPerson(fleet, person.sub), undefined, `${spelled} left something behind`)
      const done = await page
        .fill({ username: `other-${index}-${person.preferred_username}`, password: PASSWORD })
        .press('Create account')
      const shown = givenOn(fleet.application, done)
      assert.equal(shown.userinfo['email'], person.email, 'what was ticked stays ticked')
      return shown.sub
    }),
  )
  assert.equal(new Set(subjects).size, count, 'everybody is somebody of their own')
  await assertWhole(fleet)
}

/** The same callback so many times at once: the code is exchanged once, every answer leads on, and one person is signed in. */
export async function oneCallbackOneExchange(fleet: Fleet, copies: number): Promise<void> {
  const browser = openBrowser()
  const person = stranger(fleet)
  const callback = await callbackOf(fleet, browser, 'silent', person)
  const exchanges = () => fleet.idp.requests.filter(({ path }) => path === '/token').length
  const before = exchanges()
  const responses = await Promise.all(Array.from({ length: copies }, () => browser.fetch(callback)))
  assert.equal(exchanges() - before, 1, 'token requests at the idp')
  for (const response of responses) {
    assert.equal(response.status, 303, await response.text())
    assert.equal(new URL(response.headers.get('location') ?? '', callback).origin, fleet.url)
  }
  const page = await browser.open(callback)
  assert.equal(givenOn(fleet.application, page).sub, (await knownPerson(fleet, person.sub)).user.id)
  await assertWhole(fleet)
}

/**
 * Two tabs of one browser, two applications, two people, the second tab finished first: each application is given its own
 * person. Then the second comes again, in a browser where the first signed in last.
 */
export async function twoTabsTwoPeople(fleet: Fleet, other: Application): Promise<void> {
  const browser = openBrowser()
  const [traveller, guest] = [stranger(fleet), stranger(fleet)]
  const toTravel = await arrive(fleet, browser, 'username', traveller)
  const toOther = await arrive(fleet, browser, 'consent', guest, { application: other })

  const there = givenOn(other, await toOther.tick('recover:email').press('Create account'))
  const travelled = await fillRegister(toTravel, traveller.preferred_username).press('Create account')
  const here = givenOn(fleet.application, travelled)
  assert.equal(here.sub, (await knownPerson(fleet, traveller.sub)).user.id)
  assert.equal(here.userinfo['email'], traveller.email)
  assert.equal(there.sub, (await knownPerson(fleet, guest.sub)).user.id)
  assert.equal(there.userinfo['email'], guest.email)

  const query = '?prompt=login'
  const back = givenOn(fleet.application, await arrive(fleet, browser, 'consent', guest, { query }))
  assert.deepEqual([back.sub, back.userinfo['email']], [there.sub, guest.email])
  await assertWhole(fleet)
}

/** Identical posts of one form, held back until all but the last byte of each is there, and released together. */
export async function oneFormOneEnding(fleet: Fleet, mode: 'consent' | 'username', copies: number): Promise<void> {
  const browser = openBrowser()
  const person = stranger(fleet)
  const prompt = await arrive(fleet, browser, mode, person)
  const filled = mode === 'username' ? fillRegister(prompt, person.preferred_username) : prompt.tick('recover:email')
  const { url, fields } = filled.submission('Create account')
  const body = fields.toString()
  const target = new URL(url)
  const head = [
    `POST ${target.pathname} HTTP/1.1`,
    `Host: ${target.host}`,
    `Origin: ${target.origin}`,
    `Cookie: ${browser.cookies.header(target, { method: 'POST', from: target })}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  const request = `${head.join('\r\n')}\r\n\r\n${body}`
  const ports = fleet.servers.map(({ port }) => port)
  const sockets = await Promise.all(
    Array.from({ length: copies }, (_, index) => sendAllButTheLastByte(ports[index % ports.length] ?? 0, request)),
  )
  // The servers have read all that there is and wait for more.
  await sleep(100)
  const answers = sockets.map((socket) => answerOf(socket))
  for (const socket of sockets) socket.write(request.slice(-1))
  const endings = (await Promise.all(answers)).map((answer) => ({
    status: answer.slice(0, 'HTTP/1.1 303'.length),
    location: /^location: (.*)$/im.exec(answer)?.[1]?.trim(),
  }))
  const location = `/commonauth?sessionDataKey=${flowIdOf(prompt)}`
  assert.deepEqual(
    endings,
    Array(copies).fill({ status: 'HTTP/1.1 303', location }),
    'every answer leads to one ending',
  )
  const { user, consents, events } = await knownPerson(fleet, person.sub)
  assert.deepEqual(
    events.map(({ event }) => event),
    ['user-created'],
    'one event',
  )
  assert.equal(consents.length, 3, 'one set of answers')
  const page = await browser.open(new URL(location, target))
  assert.equal(givenOn(fleet.application, page).sub, user.id)
  await assertWhole(fleet)
}

/** Two people of two silent idps who are called the same, at the same moment: one gets the name, the other a page, and nobody becomes the other. */
export async function twoIdpsOneName(fleet: Fleet, idps: [Mode, Mode], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const preferred_username = nameWithDisguises()
    const entries = await Promise.all(
      idps.map(async (idp, index) => {
        const claims = { preferred_username: index === 0 ? preferred_username : preferred_username.toUpperCase() }
        const person = stranger(fleet, claims)
        const browser = openBrowser()
        const callback = await callbackOf(fleet, browser, idp, person)
        return { person, open: () => browser.open(callback) }
      }),
    )
    const order = round % 2 === 0 ? entries : entries.toReversed()
    const ends = await Promise.all(order.map(async ({ person, open }) => ({ person, page: await open() })))
    const winners = ends.filter(({ page }) => page.url.startsWith(fleet.application.url))
    assert.equal(winners.length, 1, `${winners.length} of two have the name`)
    for (const { person, page } of ends) {
      const stored = await storedPerson(fleet, person.sub)
      if (person === winners[0]?.person) {
        const shown = givenOn(fleet.application, page)
        assert.equal(shown.sub, stored?.user.id)
        assert.equal(shown.userinfo['email'], person.email, 'nothing of the other')
      } else {
        assert.equal(page.status, 409, page.text)
        assert.deepEqual(messagesOf(page.html), ['USERNAME_TAKEN'])
        assert.equal(stored, undefined)
      }
    }
    await assertWhole(fleet)
  }
}

/** Lets people come a few at a time to where the race begins: being many on the way there is another matter. */
export async function arriving<Entry>(people: (() => Promise<Entry>)[]): Promise<Entry[]> {
  const there: Entry[] = []
  while (there.length < people.length) {
    const next = people.slice(there.length, there.length + ARRIVING)
    there.push(...(await Promise.all(next.map((arrives) => arrives()))))
  }
  return there
}

async function sendAllButTheLastByte(port: number, request: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).write(request.slice(0, -1), () => resolve())
  })
  return socket
}

async function answerOf(socket: Socket): Promise<string> {
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}
