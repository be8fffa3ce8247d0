// Identity Providers, one press: on, off, up and down.
import type { Request, Response } from 'express'
import { moveEntry } from '../settings/move.ts'
import type { Outcome } from '../settings/outcome.ts'
import { setEnabled } from '../settings/switch.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { actorOf, type Desk } from './desk.ts'
import { problemsOf, versionIn } from './entry-form.ts'
import { idpAddress } from './idp-addresses.ts'
import { idpOf, isOurs, notThere } from './idp-setting.ts'

export function idpActions(desk: Desk): Route[] {
  const { house } = desk
  return [
    { method: 'post', path: '/identity-providers/:name/state', roles: OWNER, handler: turn },
    { method: 'post', path: '/identity-providers/:name/place', roles: OWNER, handler: move },
  ]

  async function turn(req: Request, res: Response): Promise<void> {
    const idp = await idpOf(house, req)
    if (!isOurs(desk, req, res, idp)) return
    const fields = readFields(req.body)
    const isEnabled = fields.one('do') === 'turn-on'
    if (!isEnabled && fields.one('do') !== 'turn-off') return res.redirect(303, idpAddress(idp.key))
    const { key } = idp
    const request = {
      kind: 'idp' as const,
      key,
      isEnabled,
      expectedVersion: versionIn(fields),
      actor: actorOf(req, res),
    }
    const outcome = await setEnabled(house, request)
    const said = `${idp.entry['displayName']} is ${isEnabled ? 'on: people can choose it' : 'off: nobody gets in by it'}`
    conclude(req, res, key, outcome, said)
  }

  async function move(req: Request, res: Response): Promise<void> {
    const idp = await idpOf(house, req)
    if (!isOurs(desk, req, res, idp)) return
    const direction = readFields(req.body).one('do')
    const { key } = idp
    if (direction !== 'up' && direction !== 'down') return res.redirect(303, idpAddress(key))
    const outcome = await moveEntry(house, { kind: 'idp', key, direction, actor: actorOf(req, res) })
    conclude(req, res, key, outcome, `${idp.entry['displayName']} is moved ${direction}`)
  }

  function conclude(req: Request, res: Response, name: string, outcome: Outcome, said: string): void {
    const back = { label: 'Go back', href: idpAddress(name) }
    switch (outcome.kind) {
      case 'saved':
        return desk.done(req, res, back.href, said)
      case 'conflict': {
        const who = outcome.by?.actor ?? 'Somebody'
        return desk.stop(
          req,
          res,
          409,
          'It was changed meanwhile',
          `${who} changed it. Look at it, then press again.`,
          back,
        )
      }
      case 'faults': {
        const body = problemsOf(outcome, []).map(({ text }) => text)
        return desk.stop(req, res, 422, 'It does not fit as it is', `${body.join('. ')}.`, back)
      }
      case 'read-only':
        return desk.stop(req, res, 409, 'Set by the configuration file', 'It became so meanwhile.', back)
      default:
        return notThere(desk, req, res)
    }
  }
}
