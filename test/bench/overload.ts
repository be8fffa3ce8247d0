// What happens beyond capacity: the best that the product does, and then four times as many arrivals as that, whoever may be waiting.
import { setTimeout as sleep } from 'node:timers/promises'
import { emailOf, somebodyNew } from './people.ts'
import { type Bench, digits } from './report.ts'
import { work } from './rounds.ts'
import { enter } from './sign-in.ts'
import { type RunningProduct, type Stage, setStage } from './stage.ts'
import { openVisitor } from './visitor.ts'

const AT_ONCE = [4, 8, 16, 32, 64]
const TIMES = 4
const OFFERED_MS = 20_000
/** Until the queues are as long as they get. */
const SETTLED_MS = 4_000

export async function overloadBench(bench: Bench): Promise<void> {
  const stage = await setStage()
  try {
    const product = await stage.startProduct()
    await work(() => enter(stage, product, somebodyNew()), 300, 8)
    let best = 0
    for (const atOnce of AT_ONCE) {
      const began = performance.now()
      const { times } = await work(() => enter(stage, product, somebodyNew()), Number.POSITIVE_INFINITY, atOnce)
      const perSecond = times.length / ((performance.now() - began) / 1000)
      bench.say(`${atOnce} at once: ${digits(perSecond)} a second`)
      best = Math.max(best, perSecond)
    }
    const ends = await offer(stage, product, best * TIMES)
    const finished = ends.filter(({ kind }) => kind === 'finished')
    const failed = ends.filter(({ kind }) => kind === 'failed')
    const refused = ends.filter(({ kind }) => kind === 'refused')
    const lost = ends.filter(({ kind }) => kind === 'lost')
    const inTime = finished.filter(({ at }) => at > SETTLED_MS && at <= OFFERED_MS)
    const perSecond = inTime.length / ((OFFERED_MS - SETTLED_MS) / 1000)
    const waited = finished.map(({ took }) => took).toSorted((a, b) => a - b)
    bench.say(
      `${digits(best * TIMES)} arrivals a second for ${OFFERED_MS / 1000} s: ${ends.length} in all, ${finished.length} finished (${digits(perSecond)} a second; half of them in ${digits(waited[Math.floor(waited.length / 2)] ?? 0)} ms), ${refused.length} got 503 with Retry-After`,
    )
    for (const [what, some] of Object.entries({ 'had begun and failed': failed, 'were not let in otherwise': lost }))
      bench.say(`${some.length} ${what}${some[0] ? `, such as: ${some[0].why}` : ''}`)
    bench.reach('overload: throughput', perSecond / best)
    const begun = finished.length + failed.length
    bench.reach('overload: begun', finished.length / begun, `${finished.length} of ${begun}`)
    const kept = refused.length + lost.length
    bench.reach('overload: refused', kept === 0 ? 1 : refused.length / kept, `${refused.length} of ${kept}`)
  } finally {
    await stage.stop()
  }
}

interface End {
  /** Begun is who was sent to the idp; refused, who was told to come again later; lost, who got neither. */
  kind: 'finished' | 'failed' | 'refused' | 'lost'
  why: string
  /** Milliseconds since the first arrival, and since this one. */
  at: number
  took: number
}

/** People who come at this rate, however many are still there. Resolves when the last has left. */
async function offer(stage: Stage, product: RunningProduct, perSecond: number): Promise<End[]> {
  const ends: Promise<End>[] = []
  const began = performance.now()
  for (let now = 0; now < OFFERED_MS; now = performance.now() - began) {
    while (ends.length < (now / 1000) * perSecond) ends.push(arrive(stage, product, began))
    await sleep(2)
  }
  return Promise.all(ends)
}

async function arrive({ idp }: Stage, { start }: RunningProduct, began: number): Promise<End> {
  const arrived = performance.now()
  const person = somebodyNew()
  const visitor = openVisitor(idp.origin, person)
  let hasBegun = false
  const end = (kind: End['kind'], why = ''): End => ({
    kind,
    why,
    at: performance.now() - began,
    took: performance.now() - arrived,
  })
  try {
    const left = await visitor.follow(await visitor.get(start), idp.origin)
    if (left.status === 503 && left.headers['retry-after'] !== undefined) return end('refused')
    if (left.status !== 303 && left.status !== 302) return end('lost', `${left.url.pathname} answered ${left.status}`)
    hasBegun = true
    const { status, url, body } = await visitor.follow(left)
    return status === 200 && body.includes(emailOf(person))
      ? end('finished')
      : end('failed', `${url.pathname} answered ${status}`)
  } catch (error) {
    return end(hasBegun ? 'failed' : 'lost', String(error))
  }
}
