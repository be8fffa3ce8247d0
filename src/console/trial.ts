// What the three trials of an identity provider have in common: test of the connection, mapping of claims, sign-in that changes nothing.
import type { Request, Response } from 'express'
import { findIdp, type Idp } from '../db/idps.ts'
import type { Desk } from './desk.ts'
import { idpAddress } from './idp-addresses.ts'
import { CRUMBS, idpOf, notThere } from './idp-setting.ts'

/** A handler of a trial: the idp that the address names is there. */
type TrialHandler = (req: Request, res: Response, idp: Idp) => Promise<void> | void

/** Finds the idp first, on or off. One that is not there is answered with a page. */
export function withIdp(desk: Desk, handler: TrialHandler): (req: Request, res: Response) => Promise<void> {
  const { house } = desk
  return async (req, res) => {
    const id = (await idpOf(house, req))?.id
    const idp = id === undefined ? undefined : await findIdp(house.db, id)
    if (!idp) return notThere(desk, req, res)
    return handler(req, res, idp)
  }
}

/** Title, way here, and what every trial says of its idp. */
export function trialPage({ name, displayName, isEnabled }: Idp, title: string) {
  const crumbs = [...CRUMBS, { label: displayName, href: idpAddress(name) }]
  return { title, crumbs, called: displayName, isEnabled, back: idpAddress(name) }
}
