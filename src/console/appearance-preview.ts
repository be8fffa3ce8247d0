// Appearance, preview: the draft on every page in every state, from made-up data.
import type { Request, Response } from 'express'
import { PREVIEW_SANDBOX, type Preview } from '../themes/preview.ts'
import { readDraft } from '../themes/publish.ts'
import { sendThemeFile } from '../web/theme.ts'
import { OWNER, type Route } from './access.ts'
import { APPEARANCE } from './appearance-draft.ts'
import type { Desk } from './desk.ts'

const PREVIEW = `${APPEARANCE}/preview`
/** Where the files of the draft are. */
export const FILES = `${APPEARANCE}/files`

export function previewPages(desk: Desk, preview: Preview): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/appearance/preview', roles: OWNER, handler: showList },
    { method: 'get', path: '/appearance/preview/:tag/:slug', roles: OWNER, handler: showPage },
    { method: 'get', path: '/appearance/files/:name', roles: OWNER, handler: sendFile },
  ]

  function showList(req: Request, res: Response): void {
    const { languages } = house.views
    const pages = preview.specimens.map(({ name, slug }) => ({
      name,
      links: languages.map((tag) => ({ tag, href: `${PREVIEW}/${tag}/${slug}` })),
    }))
    const crumbs = [{ label: 'Appearance', href: APPEARANCE }]
    desk.show(req, res, 'appearance-preview', { title: 'Preview of the draft', crumbs, pages })
  }

  async function showPage(req: Request, res: Response): Promise<void> {
    const [language, slug] = [String(req.params['tag']), String(req.params['slug'])]
    const { appearance } = await readDraft(house)
    const html = preview.render(appearance, { slug, language, here: `${PREVIEW}/${language}/${slug}` })
    if (html === undefined) return notThere(req, res)
    const policy = `${res.getHeader('Content-Security-Policy')}; ${PREVIEW_SANDBOX}`
    res.set({ 'Cache-Control': 'no-store', 'Content-Security-Policy': policy }).type('html').send(html)
  }

  async function sendFile(req: Request, res: Response): Promise<void> {
    const { appearance } = await readDraft(house)
    const file = preview.files(appearance).get(`/${req.params['name']}`)
    if (!file) return notThere(req, res)
    sendThemeFile(res, file, 'no-store')
  }

  function notThere(req: Request, res: Response): void {
    desk.stop(req, res, 404, 'Page not found', 'Check the address.', { label: 'Go to the preview', href: PREVIEW })
  }
}
