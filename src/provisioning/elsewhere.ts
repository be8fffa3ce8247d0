// Pages of the operator's own, elsewhere: when the browser is sent there, and when it is not because nobody would be there to ask.
import { pageKeysOf } from '../db/flow-keys.ts'
import { giveKey, type PageContent } from '../flow-keys.ts'
import type { House } from '../house.ts'
import type { Arrived } from './settle.ts'

/** A page that has not asked for its question after this long is down, or cannot reach us. */
const LOST_AFTER_MS = 5_000
/** For how long a person who was lost is asked here. */
const REMEMBERED_MS = 600_000
/** A page that sends people back again and again is not a way on either. */
const MOST_TIMES = 10

/**
 * The address of the page elsewhere that asks, with a fresh one-time key in its query and nothing else. 'here' when our own page asks: it is
 * the one that is configured, this person was sent elsewhere a moment ago and never arrived, or was sent there too often. 'over' when the flow
 * ended meanwhile.
 */
export async function wayElsewhere(
  house: House,
  flow: Arrived,
  page: 'register' | 'signup',
): Promise<URL | 'here' | 'over'> {
  const address = house.settings().elsewhere[page]
  if (address === undefined) return 'here'
  const now = house.now().getTime()
  const times = { since: new Date(now - REMEMBERED_MS), before: new Date(now - LOST_AFTER_MS) }
  const { sent, isLost } = await pageKeysOf(house.db, flow.id, times)
  if (isLost || sent >= MOST_TIMES) {
    house.log.warn({ flow: flow.tag, page, sent, isLost }, 'the page elsewhere did not ask: our own does')
    return 'here'
  }
  const content: PageContent = { profile: flow.profile, language: flow.language }
  const key = await giveKey(house, flow.id, 'page', JSON.stringify(content))
  if (key === undefined) return 'over'
  const url = new URL(address)
  url.searchParams.set('key', key)
  return url
}
