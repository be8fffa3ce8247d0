// Lists page by page, by where the last page ended: no page is skipped or shown twice when rows come and go. Pure.

export const PAGE_SIZES = [25, 50, 100] as const

/** How many rows a page has; what is none of the sizes is the smallest. */
export function pageSize(typed: string): number {
  return PAGE_SIZES.find((size) => String(size) === typed) ?? PAGE_SIZES[0]
}

export interface Paged<Row> {
  rows: Row[]
  hasPrevious: boolean
  hasNext: boolean
}

/** Makes a page of one row more than it has, which says whether it goes on. `way` is how it was come to. */
export function paged<Row>(rows: Row[], size: number, way: 'first' | 'after' | 'before'): Paged<Row> {
  const goesOn = rows.length > size
  if (way === 'before') return { rows: goesOn ? rows.slice(1) : rows, hasPrevious: goesOn, hasNext: true }
  return { rows: rows.slice(0, size), hasPrevious: way === 'after', hasNext: goesOn }
}
