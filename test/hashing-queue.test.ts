// How many passwords are hashed at once, how many wait, whose turn it is, and who has to go when all places are taken.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createHashingQueue, HashingBusy } from '../src/stores/hashing-queue.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))
const repeat = <T>(times: number, make: (index: number) => T) =>
  Array.from({ length: times }, (_, index) => make(index))

describe('the queue of hashes', () => {
  it('runs never more at once than allowed, and gives everybody of one line their turn in order', async () => {
    const desk = openDesk({ running: 3, waiting: 50 })
    for (let count = 0; count < 20; count += 1) await desk.arrive('ada')
    assert.equal(desk.running().length, 3)
    await desk.endAll()
    assert.deepEqual(
      desk.started,
      repeat(20, (index) => index),
    )
    assert.equal(desk.most(), 3)
  })

  it('turns the 51st of one client away at once, and has room again when the line moves', async () => {
    const desk = openDesk({ running: 2, waiting: 50 })
    for (let count = 0; count < 52; count += 1) await desk.arrive('ada')
    assert.deepEqual(desk.turnedAway, [])
    await desk.arrive('ada')
    assert.deepEqual(desk.turnedAway, [52])
    await desk.end()
    await desk.arrive('ada')
    assert.deepEqual(desk.turnedAway, [52])
    await desk.arrive('ada')
    assert.deepEqual(desk.turnedAway, [52, 54])
  })

  it('serves clients in turn, so that one with a long line does not keep others waiting for it', async () => {
    const desk = openDesk({ running: 1, waiting: 50 })
    for (const client of ['mallory', 'mallory', 'mallory', 'mallory', 'ada', 'grace', 'ada']) await desk.arrive(client)
    await desk.endAll()
    assert.deepEqual(desk.served(), ['mallory', 'mallory', 'ada', 'grace', 'mallory', 'ada', 'mallory'])
  })

  it('when all places are taken, turns away the newest of the longest line and lets the newcomer of a short one in', async () => {
    const desk = openDesk({ running: 1, waiting: 4 })
    for (const client of ['mallory', 'mallory', 'mallory', 'mallory', 'mallory']) await desk.arrive(client)
    await desk.arrive('ada')
    assert.deepEqual(desk.turnedAway, [4])
    await desk.arrive('mallory')
    assert.deepEqual(desk.turnedAway, [4, 6], 'who has the longest line goes, also as a newcomer')
    await desk.arrive('grace')
    assert.deepEqual(desk.turnedAway, [4, 6, 3])
    await desk.arrive('edith')
    assert.deepEqual(desk.turnedAway, [4, 6, 3, 2])
    await desk.arrive('hedy')
    assert.deepEqual(desk.turnedAway, [4, 6, 3, 2, 9], 'among equals, nobody who waits already has to go')
  })

  it('gives the place of a hash that fails on to the next', async () => {
    const queue = createHashingQueue({ running: 1, waiting: 1 })
    const failing = queue(() => Promise.reject(new Error('out of memory')), 'ada')
    const next = queue(async () => 'done', 'ada')
    await assert.rejects(failing, /out of memory/)
    assert.equal(await next, 'done')
    const throwing = queue(() => {
      throw new Error('at once')
    }, 'ada')
    await assert.rejects(throwing, /at once/)
    assert.equal(await queue(async () => 'again', 'ada'), 'again')
  })

  it('is refused when it is made to run nothing', () => {
    for (const running of [0, -1, Number.NaN])
      assert.throws(() => createHashingQueue({ running, waiting: 50 }), RangeError)
  })

  it('whoever comes and whenever hashes end: loses nothing, starves nobody, and turns away only who takes the most places', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('ada', 'grace', 'edith', 'hedy', 'mallory') },
      { weight: 2, arbitrary: fc.constantFrom('mallory') },
      { weight: 3, arbitrary: fc.constant(undefined) },
    )
    const limits = fc.record({ running: fc.integer({ min: 1, max: 4 }), waiting: fc.integer({ min: 0, max: 8 }) })
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async (allowed, steps) => {
        const desk = openDesk(allowed)
        for (const client of steps) {
          const [linesBefore, goneBefore] = [desk.lines(), desk.turnedAway.length]
          if (client === undefined) await desk.end()
          else await desk.arrive(client)
          assert.ok(desk.running().length <= allowed.running, 'too many at once')
          assert.ok(desk.waiting().length <= allowed.waiting, 'too many waiting')
          assert.ok(desk.waiting().length === 0 || desk.running().length === allowed.running, 'a place is idle')
          const gone = desk.turnedAway.slice(goneBefore)
          assert.ok(gone.length <= 1)
          for (const work of gone) assertTookTheMost(desk, linesBefore, allowed.waiting, work)
        }
        await desk.endAll()
        assert.deepEqual(
          [...desk.answered, ...desk.turnedAway].sort((a, b) => a - b),
          desk.clients.map((_, work) => work),
          'each work was done, or turned away, once',
        )
        assert.equal(desk.started.length, desk.answered.length)
        for (const work of desk.started) assertNotPassedOver(desk, work)
      }),
      { numRuns: 300 },
    )
  })
})

/** Whoever went was the newest of a line that nobody's exceeded, and there was no place left. */
function assertTookTheMost(desk: Desk, linesBefore: Map<string, number[]>, places: number, work: number): void {
  const newcomer = desk.clients.length - 1
  const lines = new Map([...linesBefore].map(([client, line]) => [client, [...line]]))
  assert.equal([...lines.values()].flat().length, places, 'there was a place')
  const client = desk.clients[newcomer] ?? ''
  lines.set(client, [...(lines.get(client) ?? []), newcomer])
  const own = lines.get(desk.clients[work] ?? '') ?? []
  assert.equal(own.at(-1), work, 'the newest goes')
  for (const line of lines.values()) assert.ok(line.length <= own.length, 'the longest line gives way')
}

/** Between the coming of a work and its start no other client was served more often than the work's own, and itself. */
function assertNotPassedOver(desk: Desk, work: number): void {
  const came = desk.cameAt[work] ?? 0
  const meanwhile = desk.started.slice(came, desk.started.indexOf(work))
  const served = (client: string | undefined) => meanwhile.filter((other) => desk.clients[other] === client).length
  for (const client of new Set(desk.clients)) {
    if (client !== desk.clients[work]) assert.ok(served(client) <= served(desk.clients[work]) + 1, `${client} overtook`)
  }
  const earlier = meanwhile.filter((other) => desk.clients[other] === desk.clients[work])
  assert.ok(
    earlier.every((other) => other < work),
    'within a line the first comes first',
  )
}

type Desk = ReturnType<typeof openDesk>

/** A queue whose works end when they are told to. Works are numbered as they come. */
function openDesk(limits: { running: number; waiting: number }) {
  const queue = createHashingQueue(limits)
  const endings = new Map<number, () => void>()
  const clients: string[] = []
  /** How many works had started when each came. */
  const cameAt: number[] = []
  const started: number[] = []
  const turnedAway: number[] = []
  const ended = new Set<number>()
  /** Works whose result was given to who brought them. */
  const answered: number[] = []
  let most = 0
  const running = () => started.filter((work) => !ended.has(work))
  const waiting = () => clients.map((_, work) => work).filter((w) => !started.includes(w) && !turnedAway.includes(w))
  const lines = () => {
    const found = new Map<string, number[]>()
    for (const work of waiting()) {
      const client = clients[work] ?? ''
      found.set(client, [...(found.get(client) ?? []), work])
    }
    return found
  }
  const desk = {
    clients,
    cameAt,
    started,
    turnedAway,
    answered,
    running,
    waiting,
    lines,
    most: () => most,
    served: () => started.map((work) => clients[work]),
    async arrive(client: string): Promise<void> {
      const work = clients.push(client) - 1
      cameAt.push(started.length)
      queue(async () => {
        started.push(work)
        most = Math.max(most, running().length)
        await new Promise<void>((end) => endings.set(work, end))
        ended.add(work)
        return work
      }, client).then(
        (given) => {
          assert.equal(given, work)
          answered.push(work)
        },
        (error: unknown) => {
          assert.ok(error instanceof HashingBusy)
          turnedAway.push(work)
        },
      )
      await settle()
    },
    /** Ends the one that has run longest. */
    async end(): Promise<void> {
      const [work] = running()
      if (work === undefined) return
      endings.get(work)?.()
      await settle()
    },
    async endAll(): Promise<void> {
      while (running().length > 0) await desk.end()
    },
  }
  return desk
}
