// Sign in to connect: proof that an account is theirs, by its password, or by another idp in a sign-in of its own.
import type { Request, Response } from 'express'
import { noteProblems } from '../db/flows.ts'
import { findIdentity, mayComeInAs } from '../db/identities.ts'
import { type Idp, listIdps } from '../db/idps.ts'
import { keepProof, meansOf } from '../db/proofs.ts'
import { type BrowserFlow, startFlow } from '../flow.ts'
import { signedInNow } from '../login/signed-in-now.ts'
import { loginAgain } from '../login/ways.ts'
import { finishAddress } from '../provisioning/offer.ts'
import { endInAccount } from '../provisioning/provision.ts'
import { PRIMARY } from '../stores/name.ts'
import { readStores } from '../stores/stores.ts'
import { clientOf } from '../web/client.ts'
import { PageError } from '../web/errors.ts'
import { oneParameter, readFields } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import { BY_IDP, type Desk, SIGN_IN } from './desk.ts'
import { connectPage } from './pages.ts'
import { type By, proofBy } from './proof.ts'
import type { Standing } from './standing.ts'
import { createTries } from './tries.ts'

const WRONG = { now: 'LINK_UNKNOWN', old: 'LINK_OLD', unsaid: 'LINK_UNSAID' }

/** What is wrong with a try, and how it is answered. */
export interface Wrong {
  problem: Message
  status?: number
  typed?: string
}

export function signInHandlers({ house, find, contextOf, takeWords }: Desk) {
  const tries = createTries(house)
  return { show, submit, leave, comeBack, send }

  async function show(req: Request, res: Response): Promise<void> {
    const standing = await find(res)
    if (standing) await send(req, res, standing)
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const typed = fields.one('username')
    const isForWords = takeWords(res, fields)
    const standing = await find(res)
    if (!standing) return
    if (isForWords) return send(req, res, standing, undefined, typed)
    const { flow } = standing
    const outcome = await tries.check(flow, typed, fields.one('password'), clientOf(req))
    switch (outcome.kind) {
      case 'known': {
        await keep(standing, outcome.userId, { password: outcome.passwordHash })
        return res.redirect(303, finishAddress(flow.id))
      }
      case 'wrong':
        return send(req, res, standing, { problem: { key: 'LINK_FAILED' } }, typed)
      case 'locked':
      case 'too-many': {
        res.setHeader('Retry-After', String(outcome.minutes * 60))
        const key = outcome.kind === 'locked' ? 'LINK_LOCKED' : 'TOO_MANY'
        return send(req, res, standing, { problem: { key, values: { n: outcome.minutes } }, status: 429 }, typed)
      }
      default:
        return outcome satisfies never
    }
  }

  /** A link and no form, whose redirect must not leave the house (CSP form-action). */
  async function leave(req: Request, res: Response): Promise<void> {
    const standing = await find(res)
    if (!standing) return
    const { flow } = standing
    const name = oneParameter(req.query['idp'])
    if (!(await otherIdps(standing)).some((idp) => idp.name === name)) throw new PageError(404, 'missing')
    const { applicationId } = flow.door
    const door = { kind: 'connecting', applicationId, flowId: flow.id, language: flow.language } as const
    res.redirect(303, loginAgain(await startFlow(house, req, res, door), name))
  }

  /** Back from there. Only an identity that a user has proves anything, and only one that has signed in just now. */
  async function comeBack(req: Request, res: Response): Promise<void> {
    const second = res.locals['second'] as BrowserFlow
    const standing = await find(res)
    if (!standing) return
    const { profile, idpId } = second
    if (second.ending || second.isExpired || !profile || idpId === undefined)
      return res.redirect(303, finishAddress(standing.flow.id))

    const person = { idpId, issuer: profile.issuer, subject: profile.subject }
    const identity = await findIdentity(house.db, person)
    const means = identity && (await meansOf(house.db, identity.userId))
    const hasPassword = typeof means?.passwordHash === 'string'
    const signedIn = await signedInNow(house, idpId, profile, { hasPassword })
    if (!identity || !(await mayComeInAs(house.db, person, identity.userId)) || signedIn !== 'now') {
      await endInAccount(house, second, { kind: 'declined' })
      const idp = (await otherIdps(standing)).find(({ id }) => id === idpId)?.displayName ?? ''
      return send(req, res, standing, { problem: { key: WRONG[signedIn], values: { idp } } })
    }
    const { userId } = identity
    if (await endInAccount(house, second, { kind: 'proved', userId })) await keep(standing, userId, { person })
    res.redirect(303, finishAddress(standing.flow.id))
  }

  async function keep({ flow }: Standing, userId: string, by: By): Promise<void> {
    const now = house.now()
    await keepProof(house.db, flow.id, proofBy(house.keyring, flow, userId, by, now), now)
  }

  async function send(req: Request, res: Response, standing: Standing, wrong?: Wrong, username = ''): Promise<void> {
    const { flow } = standing
    if (wrong) await noteProblems(house.db, flow.id, [wrong.problem.key])
    const href = (name: string) => `${BY_IDP}?${new URLSearchParams({ sessionDataKey: flow.id, idp: name })}`
    const idps = (await otherIdps(standing)).map(({ displayName, name }) => ({ displayName, href: href(name) }))
    const form = { username, hints: await nameHints(), idps }
    const page = connectPage(standing, contextOf(req, standing, SIGN_IN), form, wrong?.problem)
    house.views.send(res, 'connect', page, wrong ? (wrong.status ?? 422) : 200)
  }

  /** Those that the application offers, besides the one that the person came by. */
  async function otherIdps({ situation: { application, idp } }: Standing): Promise<Idp[]> {
    return (await listIdps(house.db, application.identityProviders)).filter(({ id }) => id !== idp.id)
  }

  /** How names of other stores than PRIMARY are written, if there are any. */
  async function nameHints(): Promise<Message[]> {
    const other = (await readStores(house.db)).find(({ name }) => name !== PRIMARY)
    return other ? [{ key: 'login.hint', values: { store: other.name } }] : []
  }
}
