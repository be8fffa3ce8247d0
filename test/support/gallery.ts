// Every page state at an address of its own, with the product's files and headers: what tests of how pages look open in Chromium.
import path from 'node:path'
import express from 'express'
import { listen } from '../../src/demo/listen.ts'
import type { PageState } from '../../src/specimens/state.ts'
import { loadTheme } from '../../src/themes/load.ts'
import { securityHeaders } from '../../src/web/headers.ts'
import type { TemplateFault } from '../../src/web/templates.ts'
import { themeFiles } from '../../src/web/theme.ts'
import { createViews } from '../../src/web/views.ts'
import { OURS } from './themes.ts'

const ROOT = path.join(import.meta.dirname, '../..')

export interface Gallery {
  addressOf(state: PageState, language?: string): string
  stop(): Promise<void>
}

/** Hangs these states, in a theme if one is named; the organisation can be asked for help in every way there is. `folders` may hold other words. */
export async function openGallery(states: PageState[], folders: string[] = [], name?: string): Promise<Gallery> {
  const { theme } = name === undefined ? {} : loadTheme(name, OURS, { cache: true })
  if (name !== undefined && !theme) throw new Error(`The theme ${name} cannot be used.`)
  const views = createViews({
    folders: [...folders, ...(theme?.folders ?? []), OURS.views],
    ...(theme ? { look: theme.look, report: refuse } : {}),
    cache: true,
    organization: () => 'Northwind',
    contact: () => ({ contact: 'Data protection officer', email: 'help@northwind.example', phone: '+44 20 7946 0000' }),
    isStrict: true,
  })
  const app = express()
  const { port, stop } = await listen(app, 0)
  const url = `http://localhost:${port}`
  app.use(securityHeaders(new URL(url)))
  if (theme) app.use('/theme', themeFiles(theme))
  app.use('/public', express.static(path.join(ROOT, 'public')))
  app.get('/state/:number/:language', (req, res) => {
    const { number, language } = req.params
    const state = states[Number(number)]
    if (state) res.type('html').send(withoutRefresh(state.render(views, undefined, language, req.path)))
    else res.sendStatus(404)
  })
  return { addressOf: (state, language = 'en') => `${url}/state/${states.indexOf(state)}/${language}`, stop }
}

/** A page that goes on by itself would be gone before anybody has looked at it. */
function withoutRefresh(html: string): string {
  return html.replace(/<meta http-equiv="refresh"[^>]*>\n/, '')
}

/** A page of the gallery is looked at as the theme's: ours in its place would prove nothing. */
function refuse({ file, problem }: TemplateFault): never {
  throw new Error(`${file}: ${problem}`)
}
