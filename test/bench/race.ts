// Ten people who are new, each signing in eight times at once: how many sign-ins land, and how many users there are afterwards; beside the floor.
import { somebodyNew } from './people.ts'
import type { Bench } from './report.ts'
import { enter } from './sign-in.ts'
import { type Contender, type Stage, setStage } from './stage.ts'

const PEOPLE = 10
const TIMES = 8

export async function raceBench(bench: Bench): Promise<void> {
  const stage = await setStage()
  try {
    const ours = await race(stage, await stage.startProduct())
    const theirs = await race(stage, await stage.startFloor())
    for (const [name, { landed, users, failures }] of Object.entries({ product: ours, floor: theirs }))
      bench.say(
        `${name}: ${landed} of ${PEOPLE * TIMES} land, ${users} users${failures.length > 0 ? `; ${failures[0]}` : ''}`,
      )
    bench.reach('race: landed', ours.landed, `the floor ${theirs.landed}`)
    bench.reach('race: users', ours.users, `the floor ${theirs.users}`)
  } finally {
    await stage.stop()
  }
}

async function race(stage: Stage, contender: Contender) {
  // What is slow the first time, such as asking the idp for its keys, would keep them apart.
  for (let count = 0; count < 20; count += 1) await enter(stage, contender, somebodyNew())
  const before = await countUsers(contender)
  const failures: string[] = []
  for (let people = 0; people < PEOPLE; people += 1) {
    const person = somebodyNew()
    const ends = await Promise.allSettled(Array.from({ length: TIMES }, () => enter(stage, contender, person)))
    for (const end of ends) if (end.status === 'rejected') failures.push(String(end.reason))
  }
  return { landed: PEOPLE * TIMES - failures.length, users: (await countUsers(contender)) - before, failures }
}

async function countUsers(contender: Contender): Promise<number> {
  const [row] = await contender.rows<{ count: number }>('SELECT count(*)::int AS count FROM users')
  return row?.count ?? 0
}
