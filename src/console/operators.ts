// Operators: who may enter the console, and as what. There is always an owner who can get in.
import type { Request, Response } from 'express'
import { listOperators, putOperator, ROLES, type Role, removeOperator } from '../db/operators.ts'
import { findUsersToSignIn } from '../db/users.ts'
import { canonicalForm, withoutSlips } from '../provisioning/username.ts'
import { PRIMARY, splitName, storeNamed } from '../stores/name.ts'
import { readStores } from '../stores/stores.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { actorOf, type Desk, type Problem } from './desk.ts'

const OPERATORS = '/console/operators'
const NOBODY = 'Nobody has this username. Check and try again'
const NO_OWNER = 'This would leave no owner who can sign in. Make somebody else an owner first'

export function operatorsScreen(desk: Desk): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/operators', roles: OWNER, handler: (req, res) => answer(req, res, '', []) },
    {
      method: 'get',
      path: '/operators/add',
      roles: OWNER,
      fresh: true,
      handler: (req, res) => answerAdd(req, res, '', 'support', []),
    },
    { method: 'post', path: '/operators/add', roles: OWNER, fresh: true, handler: add },
    { method: 'get', path: '/operators/:user', roles: OWNER, fresh: true, handler: showOne },
    { method: 'post', path: '/operators/:user', roles: OWNER, fresh: true, handler: change },
  ]

  async function answer(req: Request, res: Response, username: string, problems: Problem[]): Promise<void> {
    desk.show(req, res, 'operators', {
      title: 'Operators',
      operators: await listOperators(house.db),
      username,
      problems,
    })
  }

  function answerAdd(req: Request, res: Response, username: string, role: string, problems: Problem[]): void {
    const page = { title: 'Add an operator', crumbs: [{ label: 'Operators', href: OPERATORS }], problems }
    desk.show(req, res, 'operator-add', { ...page, username, role, roles: ROLES }, problems.length > 0 ? 422 : 200)
  }

  async function add(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const [username, role] = [fields.one('username'), fields.one('role')]
    const refuse = (text: string) => answerAdd(req, res, username, role, [{ field: 'username', text }])
    const user = await userNamed(username)
    if (!user) return refuse(NOBODY)
    if (!user.passwordHash) return refuse('This person has no password here. Operators sign in with one')
    if (!isRole(role))
      return answerAdd(req, res, username, 'support', [{ field: 'role-support', text: 'Select a role' }])
    const isKnown = (await listOperators(house.db)).some(({ userId }) => userId === user.id)
    if (isKnown) return res.redirect(303, `${OPERATORS}/${user.id}`)
    // Whoever adds is another owner, so it is the user who is gone.
    if (!(await putOperator(house.db, user.id, role, actorOf(req, res)))) return refuse(NOBODY)
    desk.done(req, res, OPERATORS, `${user.username} can enter the console from now on`)
  }

  async function showOne(req: Request, res: Response): Promise<void> {
    await answerOne(req, res, [])
  }

  async function answerOne(req: Request, res: Response, problems: Problem[]): Promise<void> {
    const one = (await listOperators(house.db)).find(({ userId }) => userId === req.params['user'])
    if (!one)
      return desk.stop(req, res, 404, 'There is no such operator', 'They may have been removed meanwhile.', {
        label: 'Go to operators',
        href: OPERATORS,
      })
    const page = { title: one.username, crumbs: [{ label: 'Operators', href: OPERATORS }], problems }
    desk.show(req, res, 'operator', { ...page, one, roles: ROLES }, problems.length > 0 ? 422 : 200)
  }

  async function change(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const one = (await listOperators(house.db)).find(({ userId }) => userId === req.params['user'])
    if (!one) return answerOne(req, res, [])
    const { userId, username } = one
    const role = fields.one('role')
    switch (fields.one('do')) {
      case 'remove':
        if (!(await removeOperator(house.db, userId, actorOf(req, res))))
          return answerOne(req, res, [{ field: 'remove', text: NO_OWNER }])
        return desk.done(req, res, OPERATORS, `${username} cannot enter the console any more`)
      default:
        if (!isRole(role)) return answerOne(req, res, [{ field: `role-${one.role}`, text: 'Select a role' }])
        if (!(await putOperator(house.db, userId, role, actorOf(req, res))))
          return answerOne(req, res, [{ field: `role-${one.role}`, text: NO_OWNER }])
        return desk.done(req, res, OPERATORS, `${username} has the role ${role}`)
    }
  }

  async function userNamed(typed: string) {
    const { domain, username } = splitName(withoutSlips(typed))
    const stores = await readStores(house.db)
    const store = storeNamed(stores, domain ?? PRIMARY)
    if (!store || username.length > 512 || /[\0\p{Surrogate}]/u.test(username)) return undefined
    const canonical = canonicalForm(username, store.policy.isCaseInsensitive)
    return (await findUsersToSignIn(house.db, [{ store: store.name, canonical }]))[0]
  }
}

function isRole(value: string): value is Role {
  return (ROLES as readonly string[]).includes(value)
}
