// The first run: whoever brings the setup token becomes the first owner. Once, and for ever: then there is no such page, and the bare address leads to My Account.
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { createBrake } from '../db/brakes.ts'
import { readOrganization } from '../db/installation.ts'
import { isSetUp, makeFirstOwner } from '../db/operators.ts'
import { checkDeclared } from '../declared.ts'
import { findSetting, type Setting } from '../settings/entries.ts'
import { saveEntry } from '../settings/save.ts'
import { clientOf } from '../web/client.ts'
import { csrfToken, sameOrigin } from '../web/csrf.ts'
import { methodNotAllowed, PageError } from '../web/errors.ts'
import { formBody, readFields } from '../web/forms.ts'
import type { Desk, Problem } from './desk.ts'
import { outsideToken } from './form-cookie.ts'
import { readOperator } from './new-operator.ts'
import { isSetupToken } from './setup-token.ts'
import { SIGN_IN } from './sign-in.ts'

const SETUP = '/setup'
const TRIES = 5
const WAIT_SECONDS = 60

export function setupRoutes({ house, showOutside }: Desk): Router {
  const brake = createBrake(house.db, TRIES, WAIT_SECONDS)
  const outside = outsideToken(house.publicUrl)

  const router = Router()
  router.get('/', async (_req, res) => res.redirect(303, (await isSetUp(house.db)) ? MY_ACCOUNT_HOME : SETUP))
  router.all('/', methodNotAllowed('GET', 'HEAD'))
  router.get(SETUP, onlyBefore, ...outside, showSetup)
  router.post(SETUP, onlyBefore, sameOrigin(house.publicUrl), formBody, ...outside, submitSetup)
  router.all(SETUP, onlyBefore, methodNotAllowed('GET', 'HEAD', 'POST'))
  return router

  async function showSetup(req: Request, res: Response): Promise<void> {
    const { name, privacyPolicyUrl = '' } = await readOrganization(house.db)
    await answer(req, res, 200, { username: '', organization: name, privacyPolicyUrl }, [])
  }

  async function submitSetup(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const setting = await organizationSetting()
    const { name, privacyPolicyUrl = '' } = setting.entry as { name: string; privacyPolicyUrl?: string }
    const isDeclared = setting.managedBy === 'file'
    const typed = {
      username: fields.one('username'),
      organization: isDeclared ? name : fields.one('organization').trim(),
      privacyPolicyUrl: isDeclared ? privacyPolicyUrl : fields.one('privacyPolicyUrl').trim(),
    }
    const wait = await brake.take(house.keyring.hash('brake setup', clientOf(req)), house.now())
    if (wait !== undefined) {
      res.setHeader('Retry-After', String(Math.ceil(wait / 1000)))
      return answer(req, res, 429, typed, [
        { field: 'token', text: 'You have tried many times. Wait 1 minute, then try again' },
      ])
    }
    // Before anything else is looked at: without the token nobody learns which names are taken.
    if (house.setupToken === undefined || !isSetupToken(fields.one('token'), house.setupToken))
      return answer(req, res, 422, typed, [
        { field: 'token', text: 'This is not the setup token. Check and try again' },
      ])
    await brake.giveBack(house.keyring.hash('brake setup', clientOf(req)))

    const reading = await readOperator(
      house,
      { username: typed.username, password: fields.one('password') },
      { organization: typed.organization, client: clientOf(req) },
    )
    const problems = [...(reading.kind === 'problems' ? reading.problems : []), ...organizationProblems(typed)]
    if (reading.kind === 'problems' || problems.length > 0) return answer(req, res, 422, typed, problems)
    const from = { address: clientOf(req), requestId: res.locals['requestId'] }
    const made = await makeFirstOwner(house.db, reading.owner, house.now(), from)
    if (made === 'too-late') throw new PageError(404, 'missing')
    if (made === 'taken') {
      const text = house.views.t({ key: 'USERNAME_TAKEN', values: { name: typed.username } }, 'en')
      return answer(req, res, 422, typed, [{ field: 'username', text }])
    }
    if (!isDeclared) {
      const { name: _, privacyPolicyUrl: __, ...others } = setting.entry
      const { organization, privacyPolicyUrl: url } = typed
      await saveEntry(house, {
        kind: 'organization',
        entry: { name: organization, ...others, ...(url === '' ? {} : { privacyPolicyUrl: url }) },
        expectedVersion: setting.version,
        actor: { ...from, id: reading.owner.id, name: reading.owner.username },
      })
    }
    house.log.info('the first owner has been made: setup is done')
    res.redirect(303, SIGN_IN)
  }

  async function answer(
    req: Request,
    res: Response,
    status: number,
    typed: { username: string; organization: string; privacyPolicyUrl: string },
    problems: Problem[],
  ): Promise<void> {
    const address = house.publicUrl.origin
    const isDeclared = (await organizationSetting()).managedBy === 'file'
    showOutside(
      res,
      'setup',
      { title: 'Set up your sign-in service', csrf: csrfToken(req), address, isDeclared, ...typed, problems },
      status,
    )
  }

  async function organizationSetting(): Promise<Setting> {
    const setting = await findSetting(house.db, 'organization', 'organization')
    if (!setting) throw new Error('The installation row is missing: run the migrations.')
    return setting
  }

  async function onlyBefore(...[, , next]: Parameters<RequestHandler>): Promise<void> {
    if (await isSetUp(house.db)) throw new PageError(404, 'missing')
    next()
  }
}

/** By the rules of the configuration file: what those refuse would not be kept, and there is no second try. */
function organizationProblems({
  organization: name,
  privacyPolicyUrl: url,
}: {
  organization: string
  privacyPolicyUrl: string
}): Problem[] {
  const said = { name, ...(url === '' ? {} : { privacyPolicyUrl: url }) }
  const { faults } = checkDeclared({ organization: said }, { allowPrivateIdp: true })
  const isWrong = (key: keyof typeof said) => faults.some(({ path }) => path === `organization.${key}`)
  const problems: Problem[] = []
  if (name === '' || isWrong('name'))
    problems.push({ field: 'organization', text: 'Enter the name of your organisation, in 100 characters or fewer' })
  if (isWrong('privacyPolicyUrl'))
    problems.push({
      field: 'privacyPolicyUrl',
      text: 'Enter the address of your privacy page, like https://northwind.example/privacy',
    })
  return problems
}
