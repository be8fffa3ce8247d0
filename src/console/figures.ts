// Sign-ins in numbers: by identity provider and what became of them, with the bars that show it. Pure.
import type { Outcome } from '../db/audit.ts'

export const GROUPS = ['New users', 'Sign-ins', 'Declined', 'Refused', 'Failed', 'Time was up'] as const
export type Group = (typeof GROUPS)[number]

const GROUP_OF: Record<Outcome, Group> = {
  'user-created': 'New users',
  'sign-in': 'Sign-ins',
  'sign-in-federated': 'Sign-ins',
  'sign-in-local': 'Sign-ins',
  proved: 'Sign-ins',
  connected: 'Sign-ins',
  declined: 'Declined',
  refused: 'Refused',
  'idp-denied': 'Failed',
  'idp-failed': 'Failed',
  expired: 'Time was up',
}

export interface Counted {
  idpId: string | null
  outcome: Outcome
  refusal: string | null
  count: number
}

export interface FigureRow {
  name: string
  /** In the order of the groups. */
  counts: number[]
  /** The bar: where each group that has somebody begins and how wide it is, in hundredths of the longest. */
  bar: { group: number; from: number; width: number }[]
  /** The bar in words. */
  text: string
}

export interface Figures {
  rows: FigureRow[]
  total: number[]
  refusals: { code: string; count: number }[]
}

/** `nameOf` is what an idp is called; of undefined, what there was without one. Those with the most come first. */
export function figuresOf(counted: Counted[], nameOf: (idpId: string | undefined) => string): Figures {
  const byIdp = new Map<string | null, number[]>()
  const refusals = new Map<string, number>()
  for (const { idpId, outcome, refusal, count } of counted) {
    const counts = byIdp.get(idpId) ?? GROUPS.map(() => 0)
    byIdp.set(idpId, counts)
    const group = GROUPS.indexOf(GROUP_OF[outcome])
    counts[group] = (counts[group] ?? 0) + count
    if (refusal !== null) refusals.set(refusal, (refusals.get(refusal) ?? 0) + count)
  }
  const longest = Math.max(1, ...[...byIdp.values()].map(sum))
  const rows = [...byIdp]
    .sort(([, a], [, b]) => sum(b) - sum(a))
    .map(([idpId, counts]) => {
      const name = nameOf(idpId ?? undefined)
      return { name, counts, bar: barOf(counts, longest), text: `${name}: ${inWords(counts)}` }
    })
  return {
    rows,
    total: GROUPS.map((_, group) => sum(rows.map(({ counts }) => counts[group] ?? 0))),
    refusals: [...refusals].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count),
  }
}

function barOf(counts: number[], longest: number): FigureRow['bar'] {
  let from = 0
  return counts.flatMap((count, group) => {
    const width = (100 * count) / longest
    const part = { group, from, width }
    from += width
    return count > 0 ? [part] : []
  })
}

function inWords(counts: number[]): string {
  return counts.flatMap((count, group) => (count > 0 ? [`${GROUPS[group]} ${count}`] : [])).join(', ')
}

function sum(counts: number[]): number {
  return counts.reduce((all, count) => all + count, 0)
}
