// Identity Providers, preview: the page that people of an identity provider would see in a mode, with made-up data, and nothing leads anywhere.
import type { Request, Response } from 'express'
import { allStates } from '../specimens/all.ts'
import { hung, type PageState, withEveryText } from '../specimens/state.ts'
import { PREVIEW_SANDBOX } from '../themes/preview.ts'
import { OWNER, type Route } from './access.ts'
import type { Desk } from './desk.ts'
import { idpAddress } from './idp-addresses.ts'
import { idpOf, notThere } from './idp-setting.ts'
import type { Mode } from './idp-words.ts'

/** By mode, the specimen of what comes first. Where nobody is asked, people just go on. */
const SPECIMENS: Record<Mode, string> = {
  NONE: 'message: on its way',
  PROVISION_SILENTLY: 'message: on its way',
  PROMPT_CONSENT: 'signup: consent only',
  PROMPT_PASSWORD_CONSENT: 'signup: password and consent',
  PROMPT_USERNAME_PASSWORD_CONSENT: 'register: first view',
}

export function idpPreviewPages(desk: Desk): Route[] {
  const { house } = desk
  return [{ method: 'get', path: '/identity-providers/:name/preview/:mode', roles: OWNER, handler: show }]

  async function show(req: Request, res: Response): Promise<void> {
    const idp = await idpOf(house, req)
    const mode = String(req.params['mode'])
    const specimen = Object.hasOwn(SPECIMENS, mode) ? SPECIMENS[mode as Mode] : undefined
    const state = allStates.find(({ name }) => name === specimen)
    if (!idp || !state) return notThere(desk, req, res)
    const organization = house.settings().organization.name
    const named = withNames(state, { Acme: String(idp.entry['displayName']), Northwind: organization })
    const here = idpAddress(idp.key, `/preview/${mode}`)
    const html = hung(named, house.views, 'en', { to: here, here })
    // By itself it would be a page of ours that asks for passwords: no form of it is sent.
    const policy = `${res.getHeader('Content-Security-Policy')}; ${PREVIEW_SANDBOX}`
    res.set({ 'Cache-Control': 'no-store', 'Content-Security-Policy': policy }).type('html').send(html)
  }
}

/** The specimen, with names of ours in place of the made-up ones. */
function withNames(state: PageState, names: Record<string, string>): PageState {
  const rename = <T>(page: T) =>
    withEveryText(page, (text) => (Object.hasOwn(names, text) ? String(names[text]) : text))
  return {
    ...state,
    render: (views, change = (same) => same, language, here) =>
      state.render(views, (page) => change(rename(page)), language, here),
  }
}
