// Connecting another idp: proof of who is signed in, proof of who they are there, and a page that names both before anything happens.
import type { Request, Response } from 'express'
import { connectIdentity, readDifferences } from '../connecting/connect.ts'
import { hashOf, rowsOf } from '../connecting/pages.ts'
import { MY_ACCOUNT, MY_ACCOUNT_HOME } from '../db/applications.ts'
import { findIdentity } from '../db/identities.ts'
import { isPersonLocked } from '../db/identity-locks.ts'
import { findIdp, type Idp, listIdps } from '../db/idps.ts'
import { hashOfSession, isSessionOpen } from '../db/sessions.ts'
import { findFlow, startFlow } from '../flow.ts'
import { expiredError, notFoundError } from '../flow-pages.ts'
import { signedInNow } from '../login/signed-in-now.ts'
import { loginAgain } from '../login/ways.ts'
import { gather, type Situation } from '../provisioning/facts.ts'
import { endInAccount } from '../provisioning/provision.ts'
import { grantedRoles } from '../provisioning/roles.ts'
import type { Arrived } from '../provisioning/settle.ts'
import { PageError } from '../web/errors.ts'
import { oneParameter, readFields } from '../web/forms.ts'
import { languageOf } from '../web/language.ts'
import type { DifferenceOnPage, Message } from '../web/page.ts'
import { type AccountPage, calledIn, type Room, SIGN_IN, userOf } from './desk.ts'

/** Where the flow comes back to (`inside` in routes.ts). */
const CONNECT = '/connect'

interface StartPage extends AccountPage {
  idp: string
  href: string
  back: string
}

interface ConfirmPage extends AccountPage {
  action: string
  sessionDataKey: string
  idp: string
  /** Who the person is there, and here. */
  there: string
  here: string
  switchHref: string
  roles: string[]
  rows: DifferenceOnPage[]
  /** A hash of what is shown, so that nothing is replaced that nobody has seen. */
  notice: string
}

export const connectRoom: Room = (desk) => {
  const { house } = desk
  return [
    // No proof is asked for on the way out: behind the form that proves, a redirect must not leave the house (CSP form-action).
    { method: 'get', path: `${SIGN_IN}/connect/:idp`, fresh: true, handler: showStart },
    { method: 'get', path: `${SIGN_IN}/connect/:idp/leave`, handler: leave },
    { method: 'get', path: CONNECT, fresh: true, handler: show },
    { method: 'post', path: CONNECT, fresh: true, handler: submit },
  ]

  async function showStart(req: Request, res: Response): Promise<void> {
    const idp = await idpNamed(req)
    desk.show<StartPage>(req, res, 'connect-start', {
      title: { key: 'connecting.title', values: { idp: idp.displayName } },
      idp: idp.displayName,
      href: `${startOf(idp)}/leave`,
      back: `${MY_ACCOUNT_HOME}${SIGN_IN}`,
    })
  }

  async function leave(req: Request, res: Response): Promise<void> {
    const idp = await idpNamed(req)
    if (await desk.missingProof(req, res)) return res.redirect(303, startOf(idp))
    const { id } = userOf(res)
    const door = { kind: 'my-account', applicationId: MY_ACCOUNT, intent: 'connect', userId: id, to: SIGN_IN } as const
    res.redirect(303, loginAgain(await startFlow(house, req, res, { ...door, session: sessionHashOf(req) }), idp.name))
  }

  /** Back from the idp. */
  async function show(req: Request, res: Response): Promise<void> {
    const flow = await flowOf(req, res, oneParameter(req.query['sessionDataKey']))
    if (flow) await ask(req, res, flow)
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const flow = await flowOf(req, res, fields.one('sessionDataKey'))
    if (!flow) return
    const idp = await findIdp(house.db, flow.idpId ?? '')
    if (fields.one('do') !== 'connect') return refuse(req, res, flow, { key: 'CONNECT_NOT', ...named(idp) })
    if (!idp) return refuse(req, res, flow, { key: 'CONNECT_OFF', ...named(idp) })
    // Here as on the page, which nobody has to look at before they send its form.
    const old = await oldSignIn(flow, idp)
    if (old) return refuse(req, res, flow, old)
    const userId = userOf(res).id
    const ticked = new Set(fields.all('replace'))
    const outcome = await connectIdentity(house, flow, await situationOf(res, flow), {
      userId,
      ticked,
      notice: fields.one('notice'),
      at: { channel: 'my-account' },
      ending: { kind: 'connected', userId, idpId: idp.id },
      proves: (db) => isSessionOpen(db, 'account_sessions', { userId, session: req.sessionID, now: house.now() }),
    })
    switch (outcome) {
      case 'connected':
        return desk.done(req, res, SIGN_IN, { key: 'CONNECTED', ...named(idp) })
      case 'unproven':
      case 'over':
        return res.redirect(303, `${MY_ACCOUNT_HOME}${SIGN_IN}`)
      case 'theirs':
        return refuse(req, res, flow, { key: 'CONNECT_ALREADY', ...named(idp) })
      case 'taken':
        return refuse(req, res, flow, { key: 'CONNECT_TAKEN', ...named(idp) })
      case 'locked':
        return refuse(req, res, flow, { key: 'CONNECT_REFUSED', ...named(idp) })
      case 'off':
        return refuse(req, res, flow, { key: 'CONNECT_OFF', ...named(idp) })
      case 'changed':
        return ask(req, res, flow, ticked)
      default:
        return outcome satisfies never
    }
  }

  /**
   * The flow with which the person went away to connect an idp, in this browser and this very session, back and still open. Undefined when it is
   * answered already. Throws the page of every other.
   */
  async function flowOf(req: Request, res: Response, key: string | undefined): Promise<Arrived | undefined> {
    const flow = await findFlow(house, req, key)
    const isTheirs =
      flow?.door.kind === 'my-account' &&
      flow.door.intent === 'connect' &&
      flow.door.userId === userOf(res).id &&
      flow.door.session === sessionHashOf(req)
    if (!flow || !isTheirs) throw await notFoundError(house, req)
    if (flow.ending) {
      res.redirect(303, `${MY_ACCOUNT_HOME}${SIGN_IN}`)
      return undefined
    }
    const { profile } = flow
    if (flow.isExpired || !profile) throw await expiredError(house, flow, loginAgain)
    return { ...flow, profile }
  }

  /** Shows both accounts. `ticked`: what was ticked on a page that said something else. */
  async function ask(req: Request, res: Response, flow: Arrived, ticked?: ReadonlySet<string>): Promise<void> {
    const { id } = userOf(res)
    const { profile } = flow
    const idp = await findIdp(house.db, flow.idpId ?? '')
    if (!idp?.isEnabled || idp.issuer !== profile.issuer)
      return refuse(req, res, flow, { key: 'CONNECT_OFF', ...named(idp) })
    const person = { idpId: idp.id, issuer: profile.issuer, subject: profile.subject }
    if (await isPersonLocked(house.db, person)) return refuse(req, res, flow, { key: 'CONNECT_REFUSED', ...named(idp) })
    const known = await findIdentity(house.db, person)
    if (known)
      return refuse(req, res, flow, { key: known.userId === id ? 'CONNECT_ALREADY' : 'CONNECT_TAKEN', ...named(idp) })
    const old = await oldSignIn(flow, idp)
    if (old) return refuse(req, res, flow, old)
    const situation = await situationOf(res, flow)
    const differences = await readDifferences(house, situation, id)
    const email = profile.attributes['email']?.value
    desk.show<ConfirmPage>(
      req,
      res,
      'connect',
      {
        title: { key: 'connecting.title', values: { idp: idp.displayName } },
        problems: ticked ? [{ field: 'form', message: { key: 'CHANGED' } }] : [],
        action: `${MY_ACCOUNT_HOME}${CONNECT}`,
        sessionDataKey: flow.id,
        idp: idp.displayName,
        there: typeof email === 'string' ? email : profile.suggestedUsername,
        here: calledIn(res).name,
        switchHref: loginAgain(flow.id, idp.name),
        roles: grantedRoles(profile, idp),
        rows: rowsOf(situation, differences, ticked),
        notice: hashOf(id, situation, differences),
      },
      ticked ? 422 : 200,
    )
  }

  /** Why what they did there proves nothing. No password of ours would prove who they are there. */
  async function oldSignIn({ profile }: Arrived, idp: Idp): Promise<Message | undefined> {
    const signedIn = await signedInNow(house, idp.id, profile, { hasPassword: false })
    if (signedIn === 'now') return undefined
    return signedIn === 'old' ? { key: 'CONFIRM_OLD' } : { key: 'CONFIRM_UNSAID', ...named(idp) }
  }

  /** In the words of this page. */
  function situationOf(res: Response, flow: Arrived): Promise<Situation> {
    return gather(house, { ...flow, language: languageOf(res) }, flow.profile)
  }

  /** Nothing is connected: what the idp sent is gone, and the person is told why where they came from. */
  async function refuse(req: Request, res: Response, flow: Arrived, notice: Message): Promise<void> {
    await endInAccount(house, flow, { kind: 'declined' })
    desk.done(req, res, SIGN_IN, notice)
  }

  async function idpNamed(req: Request): Promise<Idp> {
    const idp = (await listIdps(house.db, null)).find(({ name }) => name === req.params['idp'])
    if (!idp) throw new PageError(404, 'missing')
    return idp
  }
}

/** Where connecting an idp begins. */
export function startOf({ name }: Pick<Idp, 'name'>): string {
  return `${MY_ACCOUNT_HOME}${SIGN_IN}/connect/${name}`
}

function named(idp: Idp | undefined): Pick<Message, 'values'> {
  return { values: { idp: idp?.displayName ?? '' } }
}

/** Of the session: what ends it, or gives it a new id, ends what began in it. */
function sessionHashOf({ sessionID }: Request): string {
  return hashOfSession(sessionID).toString('base64url')
}
