// Identity Providers, Try this mapping: what would happen to somebody with the claims that an operator pastes. Keeps nothing.
import type { Request, Response } from 'express'
import { type Application, listApplications } from '../db/applications.ts'
import type { Idp } from '../db/idps.ts'
import { type Rehearsed, readClaims, rehearse } from '../login/rehearse.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { exampleClaims, printClaims } from './claims.ts'
import type { Desk, Problem } from './desk.ts'
import { idpAddress } from './idp-addresses.ts'
import { sendInert } from './inert.ts'
import { trialPage, withIdp } from './trial.ts'
import { verdictOf } from './verdict.ts'

interface Shown {
  text: string
  clientId?: string
  problems?: Problem[]
  rehearsed?: Rehearsed
}

export function tryMappingScreen(desk: Desk): Route[] {
  const { house } = desk
  const path = '/identity-providers/:name/try-mapping'
  return [
    { method: 'get', path, roles: OWNER, handler: withIdp(desk, show) },
    { method: 'post', path, roles: OWNER, handler: withIdp(desk, tryClaims) },
  ]

  function show(req: Request, res: Response, idp: Idp): Promise<void> {
    return answer(req, res, idp, { text: printClaims(exampleClaims(idp)) })
  }

  async function tryClaims(req: Request, res: Response, idp: Idp): Promise<void> {
    const fields = readFields(req.body)
    const again = { text: fields.one('claims'), clientId: fields.one('application') }
    const application = (await candidates()).find(({ clientId }) => clientId === again.clientId)
    const read = readClaims(again.text)
    const problems: Problem[] = []
    if ('problem' in read) problems.push({ field: 'claims', text: read.problem })
    if (again.clientId !== '' && !application)
      problems.push({ field: 'application', text: 'This application is gone or off. Choose another one' })
    if ('problem' in read || problems.length > 0) return answer(req, res, idp, { ...again, problems })
    const rehearsed = await rehearse(house, idp, read.claims, { application })
    if (fields.one('do') === 'page' && rehearsed.kind === 'rehearsed' && rehearsed.page)
      return sendInert(res, house.views, rehearsed.page)
    return answer(req, res, idp, { ...again, rehearsed })
  }

  /** Those that act for themselves alone send nobody. */
  async function candidates(): Promise<Application[]> {
    return (await listApplications(house.db)).filter(({ grantTypes }) => grantTypes.includes('authorization_code'))
  }

  async function answer(req: Request, res: Response, idp: Idp, shown: Shown): Promise<void> {
    const { text, clientId = '', problems = [], rehearsed } = shown
    const applications = (await candidates()).map(({ clientId, name }) => ({ value: clientId, label: name }))
    const page = {
      ...trialPage(idp, 'Try this mapping'),
      problems,
      action: idpAddress(idp.name, '/try-mapping'),
      text,
      clientId,
      applications: [{ value: '', label: 'Any that accepts these people' }, ...applications],
      fault: rehearsed?.kind === 'fault' ? rehearsed.sentence : undefined,
      verdict: rehearsed?.kind === 'rehearsed' ? await verdictOf(house, idp, rehearsed) : undefined,
    }
    desk.show(req, res, 'try-mapping', page, problems.length > 0 ? 422 : 200)
  }
}
