// The gallery: every page in every state, in each language and theme, from made-up data. Nothing of the product answers here.
import path from 'node:path'
import express, { type RequestHandler, Router } from 'express'
import { allStates } from '../specimens/all.ts'
import { CONTACT, hung, NOW, type PageState } from '../specimens/state.ts'
import { BASE, oursIn, themeNames } from '../themes/find.ts'
import { loadTheme } from '../themes/load.ts'
import { securityHeaders } from '../web/headers.ts'
import { LANGUAGE } from '../web/language.ts'
import type { TemplateFault } from '../web/templates.ts'
import { type Theme, themeFiles } from '../web/theme.ts'
import { createViews, type Views } from '../web/views.ts'
import { html, page, send } from './pages.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const OURS = oursIn(ROOT)

export interface GalleryOptions {
  /** Of the party that shows it, without a trailing slash. */
  url: string
  /** Names as THEME takes them, beside ours. One that cannot be used is not shown. */
  themes: string[]
  /** Read once; else at each page, so that a change shows at the next reload. */
  cache: boolean
  /** Looked in before all others. */
  folders?: string[]
  isStrict?: boolean
  /** Told of each file of a theme that fails. */
  report?: (fault: TemplateFault) => void
}

interface Dressed {
  theme: string
  views: Views
  look: Theme | undefined
}

/** Shows the list at /gallery, the pages below it, and what they need at /public and /theme. */
export function galleryRoutes(options: GalleryOptions): Router {
  const all = [BASE, ...options.themes].flatMap((theme) => dress(theme, options))
  const router = Router()
  router.use('/public', express.static(path.join(ROOT, 'public')))
  for (const { look } of all) if (look) router.use('/theme', themeFiles(look))
  router.get('/gallery', (_req, res) => send(res, 200, listPage(all)))
  const form = express.urlencoded({ extended: false, limit: '10kb' })
  for (const one of all) {
    const headers = securityHeaders(new URL(options.url), one.look?.csp)
    router.all(`/gallery/${encodeURIComponent(one.theme)}/:language/:slug`, headers, form, show(one))
  }
  return router
}

/** Those in views/themes, and the one that was chosen. */
export function themesToShow(chosen?: string): string[] {
  return [...new Set([...themeNames(OURS), ...(chosen === undefined ? [] : [chosen])])]
}

/** The address of a page, below that of the party. */
export function placeOf({ slug }: PageState, theme: string = BASE, language = 'en'): string {
  return `/gallery/${encodeURIComponent(theme)}/${language}/${slug}`
}

function dress(theme: string, options: GalleryOptions): Dressed[] {
  const { folders = [], cache, isStrict = false, report = () => {} } = options
  const look = theme === BASE ? undefined : loadTheme(theme, OURS, { cache }).theme
  if (theme !== BASE && !look) return []
  const views = createViews({
    folders: [...folders, ...(look?.folders ?? []), OURS.views],
    cache,
    organization: () => 'Northwind',
    contact: () => CONTACT,
    now: () => NOW,
    ...(look ? { look: look.look } : {}),
    report,
    isStrict,
  })
  return [{ theme, views, look }]
}

function show({ theme, views }: Dressed): RequestHandler<{ language: string; slug: string }> {
  return (req, res, next) => {
    const { language, slug } = req.params
    const state = allStates.find((one) => one.slug === slug)
    if (!state || !views.languages.includes(language)) return next()
    const here = placeOf(state, theme, language)
    // The switcher of the page, which is a link or a button of its form.
    const wished = req.query[LANGUAGE] ?? req.body?.[LANGUAGE]
    const other = views.languages.find((one) => one === wished)
    if (other !== undefined) return res.redirect(303, placeOf(state, theme, other))
    if (req.method === 'POST') return res.redirect(303, here)
    send(res, 200, hung(state, views, language, { to: here, here }))
  }
}

function listPage(all: Dressed[]): string {
  const links = (state: PageState, { theme, views }: Dressed) =>
    views.languages.map((tag) => html`<a href="${placeOf(state, theme, tag)}" hreflang="${tag}">${tag}</a>`)
  const lines = (state: PageState) =>
    all.map((one) => html`<div><span class="muted">${one.theme}</span> ${links(state, one)}</div>`)
  const rows = allStates.map((state) => html`<tr><th scope="row">${state.name}</th><td>${lines(state)}</td></tr>`)
  const body = html`<p class="muted">The pages of Vestibule in every state, in each theme and language, with made-up data. What is pressed there shows
the page again.</p>
<table class="list">
${rows}
</table>`
  return page('Travel', 'Every page', body)
}
