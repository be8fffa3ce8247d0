// The demo's gallery on a port of its own: what tests of how pages look open in Chromium, and what pictures are taken of.
import express from 'express'
import { type GalleryOptions, galleryRoutes, placeOf } from '../../src/demo/gallery.ts'
import { listen } from '../../src/demo/listen.ts'
import type { PageState } from '../../src/specimens/state.ts'

export interface Gallery {
  url: string
  addressOf(state: PageState, language?: string, theme?: string): string
  stop(): Promise<void>
}

/** Hangs every state in our pages and in these themes; `folders` may hold other words. */
export async function openGallery(options: Partial<GalleryOptions> = {}): Promise<Gallery> {
  const app = express()
  const { port, stop } = await listen(app, 0)
  const url = `http://localhost:${port}`
  app.use(galleryRoutes({ themes: [], cache: true, isStrict: true, ...options, url }))
  return { url, addressOf: (state, language, theme) => url + placeOf(state, theme, language), stop }
}
