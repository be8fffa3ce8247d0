// What the prompts cost: their page and their answer, with consent alone and with a password, whose hash is the ceiling that it is measured by.
import { type Program, startProgram } from './processes.ts'
import { openPrompt, type Prompt } from './prompt.ts'
import { type Bench, digits } from './report.ts'
import { type Cost, costLine, costOf, type Lane, median, type Trip, work } from './rounds.ts'
import { type RunningProduct, type Stage, setStage } from './stage.ts'

const ROUNDS = 5
const LANES = 16
const COUNT = 200
/** What takes a hash is done less often. */
const HASHED = 150

export async function promptsBench(bench: Bench): Promise<void> {
  const stage = await setStage()
  const hashes = await startProgram('hashes.ts')
  try {
    const consent = lanesOf(stage, await stage.startProduct('PROMPT_CONSENT'), 'consent')
    const password = lanesOf(stage, await stage.startProduct('PROMPT_PASSWORD_CONSENT'), 'password')
    const costs = new Map<string, Cost[]>()
    const take = async (lane: Lane, count: number) => {
      const cost = await costOf(lane, stage.postgres, count, LANES)
      costs.set(lane.name, [...(costs.get(lane.name) ?? []), cost])
      return cost
    }
    for (const { open, page } of [consent, password]) {
      await open(WARM_UP)
      await work(page.go, WARM_UP, LANES)
    }
    const [ratios, delays]: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round += 1) {
      const asked = await consent.open(COUNT)
      await take(consent.page, COUNT)
      await take(consent.answer, asked)
      const hashed = await password.open(HASHED)
      await take(password.page, COUNT)
      const before = await hashesPerSecond(hashes)
      const { perSecond, delay = Number.NaN } = await take(password.answer, hashed)
      ratios.push(perSecond / median([before, await hashesPerSecond(hashes)]))
      delays.push(delay)
    }
    for (const [name, one] of costs) bench.say(costLine(name, one))
    const between = `${digits(Math.min(...ratios))} to ${digits(Math.max(...ratios))}`
    bench.say(`password prompt ÷ bare argon2id, by throughput: ${digits(median(ratios))} (${between})`)
    bench.reach('password: throughput', median(ratios), between)
    bench.reach('password: delay', median(delays), delays.map(digits).join(', '))
  } finally {
    await hashes.stop()
    await stage.stop()
  }
}

const WARM_UP = 100

function lanesOf(stage: Stage, product: RunningProduct, name: string) {
  let prompts: Prompt[] = []
  let turn = 0
  const lane = (what: string, go: Lane['go']): Lane => ({ name: `${name} prompt, ${what}`, contender: product, go })
  return {
    /** Brings so many people to the prompt, or fewer if it takes too long; nobody measures that. Returns how many. */
    async open(count: number): Promise<number> {
      prompts = (await work(() => openPrompt(stage, product), count, LANES)).results
      return prompts.length
    },
    page: lane('GET', () => {
      turn += 1
      const prompt = prompts[turn % prompts.length] as Prompt
      return tripOf(prompt, () => prompt.reload())
    }),
    answer: lane('POST', () => {
      const prompt = prompts.pop() as Prompt
      return tripOf(prompt, () => prompt.answer())
    }),
  }
}

async function tripOf({ visitor }: Prompt, go: () => Promise<unknown>): Promise<Trip> {
  const { bytes } = visitor
  await go()
  return { bytes: visitor.bytes - bytes, requests: 1 }
}

async function hashesPerSecond({ origin }: Program): Promise<number> {
  return Number(await (await fetch(`${origin}/${HASHED}`)).text())
}
