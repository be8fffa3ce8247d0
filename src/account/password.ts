// The password of a person: set for the first time, or changed. Whoever was signed in elsewhere is out.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { readOrganization } from '../db/installation.ts'
import { findOperator } from '../db/operators.ts'
import { listUserAttributes } from '../db/user-attributes.ts'
import { putPassword, waysInOf } from '../db/ways-in.ts'
import { problemMessage } from '../provisioning/form.ts'
import { wordsOfUser } from '../provisioning/personal-words.ts'
import { joinName } from '../stores/name.ts'
import { PASSWORD_MIN, passwordProblem } from '../stores/password-policy.ts'
import type { Store } from '../stores/policy.ts'
import { readStores } from '../stores/stores.ts'
import { clientOf } from '../web/client.ts'
import { PageError } from '../web/errors.ts'
import { readFields } from '../web/forms.ts'
import { languageOf } from '../web/language.ts'
import type { Message } from '../web/page.ts'
import { type AccountPage, type Room, SIGN_IN, userOf } from './desk.ts'

/** Where operators change theirs: it asks for the one they have, and for the code of their app. */
const OWN_PASSWORD = '/console/me/password'

interface PasswordPage extends AccountPage {
  action: string
  back: string
  /** Why it is not changed here, and where it is. */
  stop?: { message: Message; href: string }
  username: string
  label: Message
  min: number
}

export const passwordRoom: Room = (desk) => {
  const { house } = desk
  const path = `${SIGN_IN}/password`
  return [
    { method: 'get', path, fresh: true, handler: show },
    { method: 'post', path, fresh: true, handler: submit },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    await storeOf(res)
    await answer(req, res)
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const store = await storeOf(res)
    const password = readFields(req.body).one('password')
    const { id: userId, username } = userOf(res)
    const { name: org } = await readOrganization(house.db)
    const words = wordsOfUser(username, await listUserAttributes(house.db, userId), org)
    const problem = passwordProblem(password, words, store.policy.password)
    if (problem) return answer(req, res, problemMessage(problem, { org }))
    const hash = await house.passwords.hash(password, clientOf(req))
    const language = languageOf(res)
    const now = house.now()
    const outcome = await putPassword(house, { userId, session: req.sessionID, now, language }, hash)
    if (outcome === 'over') return res.redirect(303, MY_ACCOUNT_HOME)
    if (outcome === 'operator') return answer(req, res, undefined, 403)
    await desk.renew(req, now)
    desk.done(req, res, SIGN_IN, { key: outcome === 'set' ? 'PASSWORD_SET' : 'PASSWORD_CHANGED' })
  }

  async function answer(req: Request, res: Response, problem?: Message, status = 200): Promise<void> {
    const { id, store, username } = userOf(res)
    const { hasPassword } = await waysInOf(house.db, id)
    const isOperator = (await findOperator(house.db, id)) !== undefined
    desk.show<PasswordPage>(
      req,
      res,
      'password',
      {
        title: { key: hasPassword ? 'signin.password.change' : 'signin.password.set' },
        problems: problem ? [{ field: 'new-password', message: problem }] : [],
        action: `${MY_ACCOUNT_HOME}${path}`,
        back: `${MY_ACCOUNT_HOME}${SIGN_IN}`,
        ...(isOperator ? { stop: { message: { key: 'PASSWORD_OPERATOR' }, href: OWN_PASSWORD } } : {}),
        username: joinName(store, username),
        label: { key: hasPassword ? 'signin.password.new' : 'password.label' },
        min: PASSWORD_MIN,
      },
      problem ? 422 : status,
    )
  }

  /** Of the person. Throws the page of an address that is not there for people whose passwords are not ours to keep. */
  async function storeOf(res: Response): Promise<Store> {
    const store = (await readStores(house.db)).find(({ name }) => name === userOf(res).store)
    if (!store) throw new PageError(404, 'missing')
    return store
  }
}
