// The last page: both accounts by name, the details to replace, and then one transaction.
import type { Request, Response } from 'express'
import { type Connected, connectUser } from '../db/connect-user.ts'
import { currentConsents } from '../db/consents.ts'
import { listUserAttributes } from '../db/user-attributes.ts'
import { connectAddress, FINISH } from '../provisioning/offer.ts'
import { grantedRoles } from '../provisioning/roles.ts'
import { readFields } from '../web/forms.ts'
import type { Desk } from './desk.ts'
import { answeredBy, answersIn, type Difference, differencesOf } from './differences.ts'
import { differencesPage, hashOf } from './pages.ts'
import { isProof } from './proof.ts'
import type { signInHandlers } from './sign-in.ts'
import { factorBefore, type Proven, provenIn, type Standing, settledAt } from './standing.ts'

/** The proof does not count (any more): the person signs in once more. */
const AGAIN = { problem: { key: 'LINK_AGAIN' } }

export function finishHandlers(desk: Desk, signInAgain: ReturnType<typeof signInHandlers>['send']) {
  const { house, ways, find, contextOf, takeWords } = desk
  return { show, submit }

  async function show(req: Request, res: Response): Promise<void> {
    const standing = await find(res)
    if (!standing) return
    const proven = await provenIn(house, standing)
    if (!proven) return res.redirect(303, connectAddress(standing.flow.id))
    const factor = await factorBefore(house, proven)
    if (factor) return res.redirect(303, factor)
    send(req, res, proven, await differencesFrom(proven), {})
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const isForWords = takeWords(res, fields)
    const standing = await find(res)
    if (!standing) return
    const proven = await provenIn(house, standing)
    if (!proven) return signInAgain(req, res, standing, AGAIN)
    const factor = await factorBefore(house, proven)
    if (factor) return res.redirect(303, factor)
    const differences = await differencesFrom(proven)
    const ticked = new Set(fields.all('replace'))
    if (isForWords) return send(req, res, proven, differences, { ticked })
    // The account, a value or a word is another by now: to be read again, and nothing is replaced that nobody has seen.
    if (fields.one('notice') !== hashOf(proven, differences))
      return send(req, res, proven, differences, { ticked, isChanged: true })

    const outcome = await connect(
      proven,
      differences.filter(({ name }) => ticked.has(name)),
    )
    if (outcome.kind === 'unproven') return signInAgain(req, res, standing, AGAIN)
    await conclude(res, standing, outcome)
  }

  async function connect(proven: Proven, chosen: Difference[]): Promise<Connected> {
    const { flow, situation, decision, proof } = proven
    const { idp, application, profile, notice, facts } = situation
    const now = house.now()
    return connectUser(
      house,
      {
        flowId: flow.id,
        person: { idpId: idp.id, issuer: profile.issuer, subject: profile.subject },
        // They were asked: what they did not tick stays away at later sign-ins, too.
        scheme: idp.scheme === 'PROVISION_SILENTLY' ? 'PROMPT_CONSENT' : idp.scheme,
        attributes: chosen.map(({ sent }) => sent),
        roles: grantedRoles(profile, idp),
        consent: {
          notice,
          records: answersIn(chosen, await currentConsents(house.db, proof.userId)),
          answered: answeredBy(chosen),
          at: { channel: 'sign-in', flowId: flow.id, idp, application },
        },
        verdict: { facts, decision },
        idp: idp.displayName,
        language: flow.language,
      },
      { proves: (one, means) => isProof(house.keyring, flow, one, means, now), now },
    )
  }

  async function conclude(res: Response, { flow, situation }: Standing, outcome: Connected): Promise<void> {
    if (outcome.kind === 'connected') {
      house.metrics.flow('connected', flow.labels)
      house.log.info({ flow: flow.tag, idp: situation.idp.name }, 'connected')
      return res.redirect(303, ways.ended(flow.id))
    }
    if (outcome.kind === 'already-closed') return res.redirect(303, ways.ended(flow.id))
    // Somebody finished for the same person elsewhere: settling finds their user and signs them in.
    res.redirect(303, await settledAt(house, flow, ways.ended))
  }

  async function differencesFrom({ situation, proof }: Proven): Promise<Difference[]> {
    return differencesOf(situation, await listUserAttributes(house.db, proof.userId))
  }

  function send(
    req: Request,
    res: Response,
    proven: Proven,
    differences: Difference[],
    tried: { ticked?: ReadonlySet<string>; isChanged?: boolean },
  ): void {
    const page = differencesPage(proven, differences, contextOf(req, proven, FINISH), tried)
    house.views.send(res, 'differences', page, tried.isChanged ? 422 : 200)
  }
}
