// Connecting another idp: proof of who is signed in, proof of who they are there, and a page that names both before anything happens.
import type { Request, Response } from 'express'
import { MY_ACCOUNT, MY_ACCOUNT_HOME } from '../db/applications.ts'
import { currentConsents } from '../db/consents.ts'
import { findIdentity } from '../db/identities.ts'
import { findIdp, type Idp, listIdps } from '../db/idps.ts'
import { hashOfSession } from '../db/sessions.ts'
import { listUserAttributes } from '../db/user-attributes.ts'
import { findFlow, startFlow } from '../flow.ts'
import { expiredError, notFoundError } from '../flow-pages.ts'
import { loginAgain } from '../login/ways.ts'
import { shown } from '../provisioning/page.ts'
import { endInAccount } from '../provisioning/provision.ts'
import { grantedRoles } from '../provisioning/roles.ts'
import type { Arrived } from '../provisioning/settle.ts'
import { joinName } from '../stores/name.ts'
import { PageError } from '../web/errors.ts'
import { oneParameter, readFields } from '../web/forms.ts'
import { languageOf } from '../web/language.ts'
import type { Message, ShownValue } from '../web/page.ts'
import { isSignedInNow } from './confirm.ts'
import { connectIdentity } from './connecting.ts'
import { type AccountPage, type Room, SIGN_IN, userOf } from './desk.ts'
import { type Difference, differencesOf } from './differences.ts'
import { type Label, type Spoken, spokenIn } from './spoken.ts'

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
  differences: DifferenceOnPage[]
}

interface DifferenceOnPage {
  id: string
  name: string
  label: Label
  /** Absent: not kept. */
  now?: ShownValue
  theirs: ShownValue
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
    if (!desk.isFresh(req)) return res.redirect(303, startOf(idp))
    const { id } = userOf(res)
    const door = { kind: 'my-account', applicationId: MY_ACCOUNT, intent: 'connect', userId: id, to: SIGN_IN } as const
    res.redirect(303, loginAgain(await startFlow(house, req, res, { ...door, session: hashOf(req) }), idp.name))
  }

  /** Back from the idp. */
  async function show(req: Request, res: Response): Promise<void> {
    const flow = await flowOf(req, res, oneParameter(req.query['sessionDataKey']))
    if (flow) await answer(req, res, flow)
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const flow = await flowOf(req, res, fields.one('sessionDataKey'))
    if (!flow) return
    const idp = await findIdp(house.db, flow.idpId ?? '')
    if (fields.one('do') !== 'connect') return refuse(req, res, flow, { key: 'CONNECT_NOT', ...named(idp) })
    // Here as on the page, which nobody has to look at before they send its form.
    if (!isSignedInNow(flow.profile)) return refuse(req, res, flow, { key: 'CONFIRM_OLD' })
    const take = fields.all('take')
    const outcome = await connectIdentity(house, flow, { userId: userOf(res).id, take, session: req.sessionID })
    switch (outcome) {
      case 'connected':
        return desk.done(req, res, SIGN_IN, { key: 'CONNECTED', ...named(idp) })
      case 'over':
        return res.redirect(303, `${MY_ACCOUNT_HOME}${SIGN_IN}`)
      case 'theirs':
        return refuse(req, res, flow, { key: 'CONNECT_ALREADY', ...named(idp) })
      case 'taken':
        return refuse(req, res, flow, { key: 'CONNECT_TAKEN', ...named(idp) })
      case 'off':
        return refuse(req, res, flow, { key: 'CONNECT_OFF', ...named(idp) })
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
      flow.door.session === hashOf(req)
    if (!flow || !isTheirs) throw await notFoundError(house, req)
    if (flow.ending) {
      res.redirect(303, `${MY_ACCOUNT_HOME}${SIGN_IN}`)
      return undefined
    }
    const { profile } = flow
    if (flow.isExpired || !profile) throw await expiredError(house, flow, loginAgain)
    return { ...flow, profile }
  }

  async function answer(req: Request, res: Response, flow: Arrived): Promise<void> {
    const { id, store, username } = userOf(res)
    const { profile } = flow
    const idp = await findIdp(house.db, flow.idpId ?? '')
    if (!idp?.isEnabled || idp.issuer !== profile.issuer)
      return refuse(req, res, flow, { key: 'CONNECT_OFF', ...named(idp) })
    const known = await findIdentity(house.db, { idpId: idp.id, issuer: profile.issuer, subject: profile.subject })
    if (known)
      return refuse(req, res, flow, { key: known.userId === id ? 'CONNECT_ALREADY' : 'CONNECT_TAKEN', ...named(idp) })
    if (!isSignedInNow(profile)) return refuse(req, res, flow, { key: 'CONFIRM_OLD' })
    const [stored, consents] = await Promise.all([listUserAttributes(house.db, id), currentConsents(house.db, id)])
    const { label } = await spokenIn(house, languageOf(res), [])
    const email = profile.attributes['email']?.value
    desk.show<ConfirmPage>(req, res, 'connect', {
      title: { key: 'connecting.title', values: { idp: idp.displayName } },
      action: `${MY_ACCOUNT_HOME}${CONNECT}`,
      sessionDataKey: flow.id,
      idp: idp.displayName,
      there: typeof email === 'string' ? email : profile.suggestedUsername,
      here: joinName(store, username),
      switchHref: loginAgain(flow.id, idp.name),
      roles: grantedRoles(profile, idp),
      differences: differencesOf(profile, { idpId: idp.id, stored, consents }).map((one) => onPage(one, label)),
    })
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

function onPage({ now, theirs }: Difference, label: Spoken['label']): DifferenceOnPage {
  const { name } = theirs
  const kept = now ? { now: shown(now.value) } : {}
  return { id: `take-${name}`, name, label: label(name), ...kept, theirs: shown(theirs.value) }
}

function named(idp: Idp | undefined): Pick<Message, 'values'> {
  return { values: { idp: idp?.displayName ?? '' } }
}

/** Of the session: what ends it, or gives it a new id, ends what began in it. */
function hashOf({ sessionID }: Request): string {
  return hashOfSession(sessionID).toString('base64url')
}
