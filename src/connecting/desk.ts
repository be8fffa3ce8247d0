// What every page of connecting is given: the sign-in that it belongs to, decided again, and what all of them say.
import type { Request, Response } from 'express'
import type { BrowserFlow, Flow } from '../flow.ts'
import type { House } from '../house.ts'
import { switchAddress } from '../provisioning/answers.ts'
import { CONNECT, offerAddress } from '../provisioning/offer.ts'
import type { Arrived } from '../provisioning/settle.ts'
import { csrfToken } from '../web/csrf.ts'
import type { Fields } from '../web/forms.ts'
import { LANGUAGE, takeLanguage } from '../web/language.ts'
import type { PageContext } from './pages.ts'
import { type Standing, settledAt, standingOf } from './standing.ts'

/** What the rest of the house answers for these pages. */
export interface ConnectingWays {
  /** Where an ended flow is answered. */
  ended: (flowId: string) => string
  /** Where a flow starts again, with the same door and idp. */
  again: (flowId: string, idpName?: string, options?: { otherAccount: boolean }) => string
  /** Where a flow goes on that only proves something; undefined for every other flow. */
  inside: (flow: Flow) => string | undefined
}

export const SIGN_IN = `${CONNECT}/sign-in`
export const BY_IDP = `${CONNECT}/idp`
export const PROVED = `${CONNECT}/proved`
const STAY = '/accountrecoveryendpoint/stay'

export interface Desk {
  house: House
  ways: ConnectingWays
  /** Decides again. Undefined: there is nothing to connect any more, and the request is answered. */
  find(res: Response): Promise<Standing | undefined>
  /** What the page at `action` needs of this request. */
  contextOf(req: Request, standing: Standing, action: string): PageContext
  /** Takes the language that was chosen with the form; true when the form was sent for that alone. */
  takeWords(res: Response, fields: Fields): boolean
}

export function createDesk(house: House, ways: ConnectingWays): Desk {
  return {
    house,
    ways,
    async find(res) {
      const flow = flowOf(res)
      const standing = await standingOf(house, flow)
      if (!standing) res.redirect(303, await settledAt(house, flow, ways.ended))
      return standing
    },
    contextOf: (req, { flow, situation }, action) => ({
      action,
      csrf: csrfToken(req),
      stay: STAY,
      switchHref: switchAddress({ flow, situation }, ways.again),
      backHref: offerAddress(flow.id),
    }),
    takeWords(res, fields) {
      flowOf(res).language = takeLanguage(res, house.publicUrl, fields)
      return fields.names.includes(LANGUAGE)
    },
  }
}

/** The sign-in that a request belongs to. Only behind the guard of routes.ts. */
export function flowOf(res: Response): BrowserFlow & Arrived {
  return res.locals['flow'] as BrowserFlow & Arrived
}

export function hasProfile(flow: BrowserFlow): flow is BrowserFlow & Arrived {
  return flow.profile !== undefined
}
