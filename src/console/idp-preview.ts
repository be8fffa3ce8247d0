// Identity Providers, preview: the page that people of an identity provider would see in a mode, with the purposes that there are, a made-up person, and nothing that leads anywhere.
import { randomUUID } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Idp } from '../db/idps.ts'
import { toProfile } from '../login/profile.ts'
import { rehearseMode } from '../provisioning/rehearse.ts'
import { allStates } from '../specimens/all.ts'
import { hung } from '../specimens/state.ts'
import { OWNER, type Route } from './access.ts'
import { exampleClaims } from './claims.ts'
import type { Desk } from './desk.ts'
import { idpAddress } from './idp-addresses.ts'
import { notThere } from './idp-setting.ts'
import { SCHEMES } from './idp-words.ts'
import { sendInert, sendInertText } from './inert.ts'
import { withIdp } from './trial.ts'

/** Where nobody is asked, people just go on. */
const ON_THEIR_WAY = 'message: on its way'

export function idpPreviewPages(desk: Desk): Route[] {
  const { house } = desk
  const path = '/identity-providers/:name/preview/:mode'
  return [{ method: 'get', path, roles: OWNER, handler: withIdp(desk, show) }]

  async function show(req: Request, res: Response, idp: Idp): Promise<void> {
    const mode = String(req.params['mode'])
    const scheme = SCHEMES.find((one) => one === mode)
    if (scheme === undefined && mode !== 'NONE') return notThere(desk, req, res)
    // Somebody new, whatever became of people of this idp.
    const inMode = { ...idp, id: randomUUID(), jitEnabled: scheme !== undefined, scheme: scheme ?? idp.scheme }
    const prompt = await rehearseMode(house, inMode, toProfile({ ...exampleClaims(idp), sub: 'a-person' }, idp))
    if (prompt) return sendInert(res, house.views, prompt)
    const here = idpAddress(idp.name, `/preview/${mode}`)
    const state = allStates.find(({ name }) => name === ON_THEIR_WAY)
    if (!state) throw new Error(`There is no specimen ${ON_THEIR_WAY}`)
    sendInertText(res, hung(state, house.views, 'en', { to: here, here }))
  }
}
