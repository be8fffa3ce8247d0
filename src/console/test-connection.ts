// Identity Providers, Test connection: what the product can find out of one without a person, step by step.
import type { Request, Response } from 'express'
import type { Idp } from '../db/idps.ts'
import { createInspector, type Step } from '../login/inspect.ts'
import { OWNER, type Route } from './access.ts'
import type { Desk } from './desk.ts'
import { idpAddress } from './idp-addresses.ts'
import { trialPage, withIdp } from './trial.ts'

const STEPS: Record<Step['name'], string> = {
  description: 'How it describes itself',
  clock: 'Its clock',
  keys: 'Its keys',
  client: 'Client ID and secret',
}

export function testConnectionScreen(desk: Desk): Route[] {
  const inspector = createInspector(desk.house)
  const path = '/identity-providers/:name/test-connection'
  return [
    { method: 'get', path, roles: OWNER, handler: withIdp(desk, (req, res, idp) => answer(req, res, idp)) },
    { method: 'post', path, roles: OWNER, handler: withIdp(desk, test) },
  ]

  async function test(req: Request, res: Response, idp: Idp): Promise<void> {
    const steps = await inspector.testConnection(idp)
    answer(
      req,
      res,
      idp,
      steps.map((step) => ({ ...step, label: STEPS[step.name] })),
    )
  }

  function answer(req: Request, res: Response, idp: Idp, steps?: (Step & { label: string })[]): void {
    desk.show(req, res, 'test-connection', {
      ...trialPage(idp, 'Test connection'),
      action: idpAddress(idp.name, '/test-connection'),
      steps,
      notTested: Object.values(STEPS).slice(steps?.length ?? 0),
    })
  }
}
