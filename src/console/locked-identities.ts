// Locked identities: people who may not come in as whoever they are at an idp, before or after they first did.
import type { Request, Response } from 'express'
import { listEntries } from '../db/entries.ts'
import { findLock, listKnown, listLocks } from '../db/identity-locks.ts'
import { readFields } from '../web/forms.ts'
import { type Route, SUPPORT } from './access.ts'
import { actorOf, type Desk, operatorOf, type Problem } from './desk.ts'
import { setPersonLocked } from './identity-lock.ts'
import { USERS } from './users.ts'

const HERE = '/console/locked-identities'
const SIZE = 50
/** As OpenID Connect Core, 2, and login/profile.ts have it. */
const LONGEST_SUBJECT = 255
const ONLY_OWNERS = 'This is an operator. Only an owner can lock and unlock operators'

interface Typed {
  idp: string
  subject: string
}

export function lockedIdentitiesScreen(desk: Desk): Route[] {
  const { house } = desk
  return [
    {
      method: 'get',
      path: '/locked-identities',
      roles: SUPPORT,
      handler: (req, res) => answer(req, res, { idp: '', subject: '' }, []),
    },
    { method: 'post', path: '/locked-identities', roles: SUPPORT, handler: change },
  ]

  async function answer(req: Request, res: Response, typed: Typed, problems: Problem[], after?: string): Promise<void> {
    const [rows, idps] = await Promise.all([
      listLocks(house.db, { ...(after === undefined ? {} : { after }), limit: SIZE + 1 }),
      listEntries(house.db, 'idp'),
    ])
    const locks = rows.slice(0, SIZE)
    desk.show(
      req,
      res,
      'locked-identities',
      {
        title: 'Locked identities',
        crumbs: [{ label: 'Users', href: USERS }],
        problems,
        locks,
        typed,
        idps: idps.map((one) => ({ value: String(one['name']), label: String(one['display_name']) })),
        isFirst: after === undefined,
        next: rows.length > SIZE ? locks.at(-1)?.federatedSubject : undefined,
      },
      problems.length > 0 ? 422 : 200,
    )
  }

  async function change(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const [after, unlock] = [fields.one('after'), fields.one('unlock')]
    // Nobody is called so, and PostgreSQL cannot even be asked.
    if (`${after}${unlock}`.includes('\0')) return res.redirect(303, HERE)
    if (unlock !== '') return release(req, res, unlock)
    if (after !== '') return answer(req, res, { idp: '', subject: '' }, [], after)
    await lock(req, res, { idp: fields.one('idp'), subject: fields.one('subject') })
  }

  async function lock(req: Request, res: Response, typed: Typed): Promise<void> {
    const idp = (await listEntries(house.db, 'idp')).find(({ name }) => name === typed.idp)
    if (!idp) return answer(req, res, typed, [{ field: 'idp', text: 'Select an identity provider' }])
    const { subject } = typed
    // No idp sends such a one: it would be refused (login/profile.ts).
    const isSubject =
      subject !== '' && subject.length <= LONGEST_SUBJECT && !/[\p{Cc}\p{Surrogate}\uFFFD]/u.test(subject)
    if (!isSubject)
      return answer(req, res, typed, [
        { field: 'subject', text: 'Enter the subject as the identity provider sends it, up to 255 characters' },
      ])
    const idpId = String(idp['id'])
    const known = await listKnown(house.db, idpId, subject)
    if (known.some(({ operatorRole }) => !mayChange(res, operatorRole)))
      return answer(req, res, typed, [{ field: 'subject', text: ONLY_OWNERS }])
    // Of an idp that had another issuer before, whoever is known by that is locked, too.
    const issuers = new Set([String(idp['issuer']), ...known.map(({ issuer }) => issuer)])
    for (const issuer of issuers) await setPersonLocked(house, { idpId, issuer, subject }, true, actorOf(req, res))
    desk.done(req, res, HERE, `Whoever is ${subject} at ${idp['display_name']} is locked`)
  }

  async function release(req: Request, res: Response, federatedSubject: string): Promise<void> {
    const found = await findLock(house.db, federatedSubject)
    if (!found) return res.redirect(303, HERE)
    if (!mayChange(res, found.operatorRole))
      return answer(req, res, { idp: '', subject: '' }, [{ field: 'subject', text: ONLY_OWNERS }])
    const { idpId, issuer, subject } = found
    await setPersonLocked(house, { idpId, issuer, subject }, false, actorOf(req, res))
    desk.done(req, res, HERE, `Whoever is ${subject} at ${found.idp} can sign in again`)
  }
}

/** As of users: whoever could lock owners could take the console over. */
function mayChange(res: Response, operatorRole: string | null): boolean {
  return operatorRole === null || operatorOf(res).role === 'owner'
}
