// What a sign-in costs beside the floor, by the number of users that there are: to My Account, first and again, and the whole chain to an application.
import { setTimeout as sleep } from 'node:timers/promises'
import { signInToApplication } from './application.ts'
import { fillFloor, fillProduct } from './fill.ts'
import { emailOf, somebodyNew } from './people.ts'
import { residentMegabytes } from './processes.ts'
import { type Bench, digits, sizesOf } from './report.ts'
import { type Cost, costLine, type Lane, median, ratioOf, runRounds, spread, work } from './rounds.ts'
import { type Contender, type RunningProduct, type Stage, setStage } from './stage.ts'
import { askedBy, watchScans, writtenSince } from './statements.ts'
import { openVisitor, type Visitor } from './visitor.ts'

const ROUNDS = { rounds: 5, count: 200, lanes: 16 }
/** Until both have compiled what they run often. */
const WARM_UP = 200
const COUNTED = 50
const STARTS = 3

export async function signInBench(bench: Bench): Promise<void> {
  const stage = await setStage()
  try {
    const floor = await stage.startFloor()
    const product = await startOften(bench, stage)
    await sleep(2_000)
    const idle = residentMegabytes(product.pid)
    bench.reach('memory: idle', idle)
    bench.say(`memory when idle: ${digits(idle)} MB, the floor ${digits(residentMegabytes(floor.pid))} MB`)
    let small: RunningProduct | undefined
    let filled = 0
    let most = 0
    for (const size of sizesOf(bench)) {
      await fillProduct(product, filled + 1, size)
      await fillFloor(floor, stage.idp.origin, filled + 1, size)
      // A second one that stays small: what growing costs is a ratio inside each round, too.
      if (filled > 0 && !small) {
        small = await stage.startProduct()
        await fillProduct(small, 1, SMALL)
      }
      filled = size
      bench.say(`— with ${size.toLocaleString('en')} users`)
      most = Math.max(most, await measure(bench, { stage, floor, product, small, size }))
    }
    bench.reach('memory: load', most)
  } finally {
    await stage.stop()
  }
}

const SMALL = 10

/** The last of some that are started on the same machine, one after another. */
async function startOften(bench: Bench, stage: Stage): Promise<RunningProduct> {
  let product = await stage.startProduct()
  const took = [product.readyAfterMs]
  while (took.length < STARTS) {
    await product.stop()
    product = await stage.startProduct()
    took.push(product.readyAfterMs)
  }
  const seconds = median(took) / 1000
  bench.reach('start: ready', seconds)
  bench.say(`ready after ${took.map((ms) => digits(ms / 1000)).join(', ')} s`)
  return product
}

interface Scene {
  stage: Stage
  floor: Contender
  product: RunningProduct
  small: RunningProduct | undefined
  size: number
}

/** Prints what each lane costs; returns the most memory that the product had. */
async function measure(bench: Bench, { stage, floor, product, small, size }: Scene): Promise<number> {
  const known = () => 1 + Math.floor(Math.random() * size)
  const few = () => 1 + Math.floor(Math.random() * SMALL)
  const lane = (name: string, contender: Contender, person: () => number, toApplication = false): Lane => ({
    name,
    contender,
    go: () => (toApplication ? chain(stage, contender, person()) : enter(stage, contender, person())),
  })
  const lanes = [
    lane('floor, first', floor, somebodyNew),
    lane('product, first', product, somebodyNew),
    lane('floor, repeat', floor, known),
    lane('product, repeat', product, known),
    lane('chain, first', product, somebodyNew, true),
    lane('chain, repeat', product, known, true),
    ...(small ? [lane('small, first', small, somebodyNew), lane('small, repeat', small, few)] : []),
  ]
  for (const one of lanes) await work(one.go, WARM_UP, ROUNDS.lanes)
  for (const one of lanes.slice(0, 6)) await count(bench, stage, one)

  const scansSince = await watchScans(product)
  const costs = await runRounds(lanes, stage.postgres, ROUNDS)
  for (const [name, one] of costs) bench.say(costLine(name, one))
  const of = (name: string) => costs.get(name) ?? []
  const total = (cost: Cost) => cost.processor + cost.postgres
  for (const kind of ['first', 'repeat']) {
    const [ours, theirs, whole] = [of(`product, ${kind}`), of(`floor, ${kind}`), of(`chain, ${kind}`)]
    const processor = ratioOf(ours, theirs, (cost) => cost.processor)
    const chained = ratioOf(whole, ours, (cost) => cost.processor)
    const postgres = ratioOf(ours, theirs, (cost) => cost.postgres)
    const throughput = ratioOf(ours, theirs, (cost) => cost.perSecond)
    bench.say(
      `${kind}, product ÷ floor: processor ${spread(processor)}, PostgreSQL ${spread(postgres)}, throughput ${spread(throughput)}`,
    )
    bench.say(`${kind}, chain ÷ My Account: processor ${spread(chained)}`)
    if (kind === 'repeat') continue
    bench.reach('first: processor', processor.median, `${digits(processor.least)} to ${digits(processor.greatest)}`)
    bench.reach('chain: processor', chained.median, `${digits(chained.least)} to ${digits(chained.greatest)}`)
  }
  const { rows, ofLarge } = await scansSince()
  const done = lanes.filter((one) => one.contender === product).flatMap(({ name }) => of(name))
  const signIns = done.reduce((sum, cost) => sum + cost.count, 0)
  const large = ofLarge.length === 0 ? 'of no table with more than a thousand' : `LARGE ONES OF ${ofLarge.join(', ')}`
  bench.say(`rows read by sequential scans: ${digits(rows / signIns)} a sign-in, ${large}`)
  const memory = (one: Contender) =>
    Math.max(
      ...lanes.filter(({ contender }) => contender === one).flatMap(({ name }) => of(name).map((cost) => cost.memory)),
    )
  bench.say(
    `memory at load, the most of any round: ${digits(memory(product))} MB, the floor ${digits(memory(floor))} MB`,
  )
  if (!small) return memory(product)
  const growth = ['first', 'repeat'].map((kind) => ratioOf(of(`product, ${kind}`), of(`small, ${kind}`), total))
  const [first, again] = growth.map(spread)
  bench.say(`cost with ${size.toLocaleString('en')} users ÷ with ${SMALL}: first ${first}, repeat ${again}`)
  if (size < 1_000_000) return memory(product)
  bench.reach('growth: processor', Math.max(...growth.map((one) => one.median)), `first ${first}, repeat ${again}`)
  bench.reach('growth: scans', ofLarge.length, ofLarge.join(', ') || 'none')
  return memory(product)
}

/** What the database and the idp are asked by one sign-in. */
async function count(bench: Bench, stage: Stage, { name, contender, go }: Lane): Promise<void> {
  const before = await stage.asked()
  const { statements, writes, since } = await askedBy(contender, COUNTED, go)
  const after = await stage.asked()
  const asked = ['/token', '/userinfo', '/jwks', '/.well-known/openid-configuration'].map(
    (address) => ((after[address] ?? 0) - (before[address] ?? 0)) / COUNTED,
  )
  const calls = asked.reduce((sum, one) => sum + one, 0)
  bench.say(
    `${name}: ${digits(statements)} statements, ${digits(writes)} write transactions, ${digits(calls)} calls of the back channel`,
  )
  // In whole numbers: the fraction is what the processes do by themselves meanwhile, such as asking the idp for its keys again.
  if (name === 'product, first') {
    bench.reach('first: statements', Math.round(statements), digits(statements))
    bench.reach('first: writes', Math.round(writes), digits(writes))
    bench.reach('first: asked', Math.round(calls), digits(calls))
  }
  if (name === 'product, repeat') {
    bench.reach('repeat: statements', Math.round(statements), digits(statements))
    bench.reach('repeat: writes', Math.round(writes), digits(writes))
    bench.reach('repeat: attributes', await writtenSince(contender, 'user_attributes', since))
  }
}

/** To the page that shows who signed in. */
export async function enter({ idp }: Stage, { start }: Contender, person: number): Promise<Visitor> {
  const visitor = openVisitor(idp.origin, person)
  const { status, url, body } = await visitor.follow(await visitor.get(start))
  if (status === 200 && body.includes(emailOf(person))) return visitor
  throw new Error(`a sign-in ended at ${url.pathname} with ${status}: ${body.toString().slice(0, 300)}`)
}

async function chain({ idp }: Stage, { origin }: Contender, person: number): Promise<Visitor> {
  const visitor = openVisitor(idp.origin, person)
  await signInToApplication(origin, visitor)
  return visitor
}
