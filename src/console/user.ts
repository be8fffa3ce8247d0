// One user: what is kept of them, and what an operator can do. The address has their id, which is nobody's name.
import type { Request, Response } from 'express'
import { listEntries } from '../db/entries.ts'
import type { Person } from '../db/identities.ts'
import { keepersOf } from '../db/read-only.ts'
import type { AttributeValue } from '../db/user-attributes.ts'
import { factorsOf, listFactors } from '../db/user-factors.ts'
import {
  findSheet,
  listAttributes,
  listConsents,
  listIdentities,
  listRolesWithOrigin,
  type Origin,
  type SheetAttribute,
  type UserSheet,
} from '../db/user-sheet.ts'
import { type Done, deleteUser, resetSecondFactors, setLocked, signOutEverywhere } from '../db/user-state.ts'
import type { FactorKind } from '../factors/need.ts'
import { openSessions } from '../handback/sessions.ts'
import { federatedSubject } from '../handback/subjects.ts'
import { tracesOf } from '../login/traces.ts'
import { isStandardAttribute } from '../provisioning/attributes.ts'
import { calledOf, displayNameOf } from '../provisioning/display-name.ts'
import { isLikeUniqueId, withoutSlips } from '../provisioning/username.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route, SUPPORT } from './access.ts'
import { actorOf, type Desk, operatorOf, type Problem } from './desk.ts'
import { setPersonLocked } from './identity-lock.ts'
import { isUuid, USERS } from './users.ts'

const CRUMBS = [{ label: 'Users', href: USERS }]
const NOT_YOURS = 'Only an owner can lock operators, sign them out, and reset their second factors.'
const FACTORS: Record<FactorKind, string> = { totp: 'Authenticator app', email: 'Codes by email' }
const NO_OWNER = 'This would leave no owner who can sign in. Make somebody else an owner first'

export function userScreen(desk: Desk): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/users/:user', roles: SUPPORT, handler: (req, res) => answer(req, res, []) },
    { method: 'post', path: '/users/:user', roles: SUPPORT, handler: change },
    { method: 'get', path: '/users/:user/factors', roles: SUPPORT, fresh: true, handler: answerReset },
    { method: 'post', path: '/users/:user/factors', roles: SUPPORT, fresh: true, handler: submitReset },
    {
      method: 'get',
      path: '/users/:user/delete',
      roles: OWNER,
      fresh: true,
      handler: (req, res) => answerDelete(req, res, []),
    },
    { method: 'post', path: '/users/:user/delete', roles: OWNER, fresh: true, handler: submitDelete },
  ]

  async function sheetOf(req: Request): Promise<UserSheet | undefined> {
    const id = String(req.params['user'])
    return isUuid(id) ? findSheet(house.db, id, house.now()) : undefined
  }

  function missing(req: Request, res: Response): void {
    const back = { label: 'Go to users', href: USERS }
    desk.stop(req, res, 404, 'There is no such user', 'They may have been deleted meanwhile.', back)
  }

  async function answer(req: Request, res: Response, problems: Problem[]): Promise<void> {
    const user = await sheetOf(req)
    if (!user) return missing(req, res)
    const { db } = house
    const [identities, attributes, keepers, roles, consents, sessions, factors] = await Promise.all([
      listIdentities(db, user.id),
      listAttributes(db, user.id),
      keepersOf(db, user.id),
      listRolesWithOrigin(db, user.id),
      listConsents(db, user.id),
      sessionsOf(user),
      factorsFor(user),
    ])
    const page = { title: calledOf(user), crumbs: CRUMBS, problems }
    desk.show(
      req,
      res,
      'user',
      {
        ...page,
        user,
        displayName: displayNameOf(user.said ?? {}),
        isUniqueId: isLikeUniqueId(user.username),
        identities: identities.map((one) => ({ ...one, key: keyOf(one) })),
        attributes: attributes.map((one) => ({
          ...one,
          label: labelOf(one),
          text: textOf(one.value),
          keeper: keepers.get(one.name),
        })),
        roles,
        consents: consents.map((one) => ({
          ...one,
          label: labelOf({ name: one.attribute, displayName: one.displayName }),
        })),
        sessions,
        ...factors,
        originOf,
        mayChange: mayChange(res, user),
        mayDelete: operatorOf(res).role === 'owner',
      },
      problems.length > 0 ? 422 : 200,
    )
  }

  /** Which there are and since when, in words, and nothing by which one could be shown. */
  async function factorsFor({ id }: UserSheet) {
    const [factors, { backupCodes }] = await Promise.all([listFactors(house.db, id), factorsOf(house.db, id)])
    return { factors: factors.map(({ kind, since }) => ({ label: FACTORS[kind], since })), backupCodes }
  }

  async function userToReset(req: Request, res: Response): Promise<UserSheet | undefined> {
    const user = await sheetOf(req)
    if (!user) missing(req, res)
    else if (!mayChange(res, user)) notTheirs(req, res, user)
    // The console asks for the app alone: whoever has the password would do away with the codes by email that keep them out elsewhere.
    else if (user.id === operatorOf(res).userId) yourOwn(req, res, user)
    else return user
    return undefined
  }

  async function answerReset(req: Request, res: Response): Promise<void> {
    const user = await userToReset(req, res)
    if (!user) return
    const here = `${USERS}/${user.id}`
    const crumbs = [...CRUMBS, { label: calledOf(user), href: here }]
    const page = { title: `Reset second factors of ${calledOf(user)}`, crumbs, user, here }
    desk.show(req, res, 'user-factors', { ...page, ...(await factorsFor(user)) })
  }

  async function submitReset(req: Request, res: Response): Promise<void> {
    const user = await userToReset(req, res)
    if (!user) return
    if ((await resetSecondFactors(house, user.id, actorOf(req, res))) === 'missing') return missing(req, res)
    desk.done(
      req,
      res,
      `${USERS}/${user.id}`,
      `${calledOf(user)} has no second factor any more, and is signed out everywhere`,
    )
  }

  function yourOwn(req: Request, res: Response, { id, username }: UserSheet): void {
    const back = { label: `Go back to ${username}`, href: `${USERS}/${id}` }
    const body = 'You change them in My Account. If you have lost one, another owner can reset them.'
    desk.stop(req, res, 403, 'These are your own second factors', body, back)
  }

  function notTheirs(req: Request, res: Response, { id, username }: UserSheet): void {
    const back = { label: `Go back to ${username}`, href: `${USERS}/${id}` }
    desk.stop(req, res, 403, 'This is an operator', NOT_YOURS, back)
  }

  /** With names in place of ids. */
  async function sessionsOf(user: UserSheet) {
    const sessions = await openSessions(house, user.id)
    const [idps, applications] = await Promise.all([listEntries(house.db, 'idp'), listEntries(house.db, 'application')])
    return sessions.map(({ idpId, clientIds, ...session }) => ({
      ...session,
      by: idpId === undefined ? 'Password' : String(idps.find(({ id }) => id === idpId)?.['display_name'] ?? ''),
      applications: clientIds.map((id) => String(applications.find((one) => one['client_id'] === id)?.['name'] ?? id)),
    }))
  }

  async function change(req: Request, res: Response): Promise<void> {
    const user = await sheetOf(req)
    if (!user) return missing(req, res)
    const here = `${USERS}/${user.id}`
    if (!mayChange(res, user)) return notTheirs(req, res, user)
    const [actor, now, called] = [actorOf(req, res), house.now(), calledOf(user)]
    const fields = readFields(req.body)
    const [locked, unlocked] = [fields.one('lock-identity'), fields.one('unlock-identity')]
    const identity = (await listIdentities(house.db, user.id)).find((one) => [locked, unlocked].includes(keyOf(one)))
    if (identity) {
      await setPersonLocked(house, identity, locked !== '', actor)
      const what = locked === '' ? 'can sign in with' : 'cannot sign in any more with'
      return desk.done(req, res, here, `${called} ${what} ${identity.idp}`)
    }
    switch (fields.one('do')) {
      case 'lock':
        return tell(await setLocked(house.db, user.id, true, actor, now), 'is locked, and signed out everywhere')
      case 'unlock':
        return tell(await setLocked(house.db, user.id, false, actor, now), 'can sign in again')
      case 'sign-out':
        return tell(await signOutEverywhere(house.db, user.id, actor, now), 'is signed out everywhere')
      default:
        return res.redirect(303, here)
    }

    function tell(done: Done, what: string): void | Promise<void> {
      if (done === 'missing') return missing(req, res)
      if (done === 'last-owner') return answer(req, res, [{ field: 'lock', text: NO_OWNER }])
      desk.done(req, res, here, `${called} ${what}`)
    }
  }

  async function answerDelete(req: Request, res: Response, problems: Problem[]): Promise<void> {
    const user = await sheetOf(req)
    if (!user) return missing(req, res)
    const { db } = house
    const here = `${USERS}/${user.id}`
    const [identities, attributes, roles, consents] = await Promise.all([
      listIdentities(db, user.id),
      listAttributes(db, user.id),
      listRolesWithOrigin(db, user.id),
      listConsents(db, user.id),
    ])
    const page = {
      title: `Delete ${calledOf(user)}`,
      crumbs: [...CRUMBS, { label: calledOf(user), href: here }],
      problems,
      user,
      here,
      identities,
      attributes: attributes.map(labelOf),
      roles: roles.map(({ role }) => role),
      consents: consents.length,
    }
    desk.show(req, res, 'user-delete', page, problems.length > 0 ? 422 : 200)
  }

  async function submitDelete(req: Request, res: Response): Promise<void> {
    const user = await sheetOf(req)
    if (!user) return missing(req, res)
    if (withoutSlips(readFields(req.body).one('username')) !== user.username)
      return answerDelete(req, res, [{ field: 'username', text: 'Enter the username exactly as it is shown here' }])
    const done = await deleteUser(house.db, user.id, actorOf(req, res), tracesOf(house), house.now())
    if (done === 'missing') return missing(req, res)
    // Their page says why it cannot be done; they became one between the page and the press.
    if (done === 'operator')
      return answerDelete(req, res, [{ field: 'username', text: 'This user is an operator now' }])
    desk.done(req, res, USERS, `${calledOf(user)} is deleted`)
  }

  function keyOf(identity: Person): string {
    return federatedSubject(house.salt, identity.idpId, identity)
  }

  function labelOf({ name, displayName }: Pick<SheetAttribute, 'name' | 'displayName'>): string {
    return isStandardAttribute(name) ? house.views.t({ key: `attribute.${name}` }, 'en') : (displayName ?? name)
  }
}

/** Whoever could lock owners could take the console over. */
function mayChange(res: Response, { operatorRole }: UserSheet): boolean {
  return operatorRole === null || operatorOf(res).role === 'owner'
}

function originOf({ origin, idp }: Origin): string {
  if (origin === 'idp') return `From ${idp}`
  return origin === 'person' ? 'Their own words' : 'Set by an operator'
}

/** A value as people read it. */
export function textOf(value: AttributeValue): string {
  if (Array.isArray(value)) return value.join(', ')
  if (typeof value === 'object') return value['formatted'] ?? Object.values(value).join(', ')
  return typeof value === 'boolean' ? (value ? 'Yes' : 'No') : String(value)
}
