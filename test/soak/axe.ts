// Every page in every state and in every way, looked at by axe: too many for each change.
import assert from 'node:assert/strict'
import { allStates } from '../../src/specimens/all.ts'
import type { PageState } from '../../src/specimens/state.ts'
import { openSitting, SCHEMES, WAYS, type Way, wordsOf } from '../support/axe.ts'
import { type Gallery, openGallery } from '../support/gallery.ts'
import type { Say } from './parts.ts'

const SIDE_BY_SIDE = 2

/** Throws when axe finds anything, or does not find what is known to be wrong. */
export async function axeSoak(say: Say): Promise<void> {
  const gallery = await openGallery({ themes: ['sample'] })
  try {
    await assertFoundOut(gallery)
    const faults: string[] = []
    for (const way of WAYS) {
      faults.push(...(await faultsIn(way, gallery)))
      say(`axe: ${allStates.length} pages, ${wordsOf(way)}, light and dark`)
    }
    assert.deepEqual(faults, [])
  } finally {
    await gallery.stop()
  }
}

async function faultsIn(way: Way, gallery: Gallery): Promise<string[]> {
  const next = allStates.values()
  const faults = await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => look(next, way, gallery)))
  return faults.flat()
}

async function look(next: Iterator<PageState>, way: Way, gallery: Gallery): Promise<string[]> {
  const sitting = await openSitting(way)
  const faults: string[] = []
  try {
    for (const state of { [Symbol.iterator]: () => next }) {
      const found = await sitting.faultsAt(gallery.addressOf(state, way.language, way.theme))
      faults.push(...found.map((fault) => `${state.name}, ${wordsOf(way)}, ${fault}`))
    }
  } finally {
    await sitting.close()
  }
  return faults
}

/** As a control: a fault of the page's own, seen in each of the ways in which axe itself is run. */
async function assertFoundOut(gallery: Gallery): Promise<void> {
  for (const way of [WAYS[0], WAYS.at(-1)]) {
    const sitting = await openSitting(way ?? assert.fail())
    try {
      const address = gallery.addressOf(allStates[0] ?? assert.fail())
      assert.deepEqual(await sitting.faultsAt(address), [])
      // The second page is put in place of the first, as all others are.
      const faults = await sitting.faultsAt(
        address,
        SCHEMES,
        `document.querySelector('header img').removeAttribute('alt')`,
      )
      assert.ok(
        faults.some((fault) => fault.includes(': image-alt: ')),
        `axe does not see: ${faults}`,
      )
    } finally {
      await sitting.close()
    }
  }
}
