// Privacy: for each purpose and detail what is kept and what was said, and the other answer, one press away.
import type { Request, Response } from 'express'
import { allow, type Chosen, type Stopped, withdraw } from '../db/account-choices.ts'
import { idpsThatSend, joinedWith } from '../db/account-idps.ts'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { waysInOf } from '../db/ways-in.ts'
import { shown } from '../provisioning/page.ts'
import { joinName } from '../stores/name.ts'
import { PageError } from '../web/errors.ts'
import { readFields } from '../web/forms.ts'
import type { Message, Problem, ShownValue } from '../web/page.ts'
import { type Account, findItem, purposeNames, readAccount } from './account.ts'
import type { Item, Section } from './choices.ts'
import { type AccountPage, type Room, userOf } from './desk.ts'
import { missingFor } from './factors.ts'
import type { Label } from './spoken.ts'

export const PRIVACY = '/privacy'
export const NEEDED = `${PRIVACY}/needed`

interface PrivacyPage extends AccountPage {
  organization: string
  action: string
  joined?: { idp: string | null; at: Date }
  purposes: PurposeOnPage[]
  always: { username: string; idps: string[] }
}

interface PurposeOnPage {
  id: string
  lang?: string
  purpose: string
  description: string
  /** Absent where there is nothing to have one of. */
  receipt?: string
  notice: string
  details: DetailOnPage[]
}

interface DetailOnPage {
  /** Of the element. */
  id: string
  attribute: string
  label: Label
  value?: ShownValue
  /** In place of the value. */
  without?: Message
  isNeeded: boolean
  isOver: boolean
  /** What was said last, when and where: values of the sentence that the view has the words for. */
  said: { key: string; at?: Date; where?: Message; values?: Record<string, string> }
  can: Item['can']
  /** Where to stop is asked about. */
  href: string
}

export const privacyRoom: Room = (desk) => {
  const { house } = desk
  const action = `${MY_ACCOUNT_HOME}${PRIVACY}`
  return [
    { method: 'get', path: PRIVACY, handler: (req, res) => show(req, res, []) },
    { method: 'post', path: PRIVACY, handler: choose },
  ]

  async function show(req: Request, res: Response, problems: Problem[]): Promise<void> {
    const user = userOf(res)
    const [account, ways, joined] = await Promise.all([
      readAccount(house, res),
      waysInOf(house.db, user.id),
      joinedWith(house.db, user.id),
    ])
    desk.show<PrivacyPage>(
      req,
      res,
      'privacy',
      {
        title: { key: 'account.privacy' },
        problems,
        organization: account.spoken.organization.name,
        action,
        ...(joined ? { joined } : {}),
        purposes: account.sections.map((section) => onPage(section, account)),
        always: {
          username: joinName(user.store, user.username),
          idps: [...new Set(ways.idps.map(({ displayName }) => displayName))],
        },
      },
      problems.length > 0 ? 422 : 200,
    )
  }

  async function choose(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const [purposeId, attribute] = [fields.one('purpose'), fields.one('attribute')]
    const account = await readAccount(house, res)
    const found = findItem(account, purposeId, attribute)
    if (!found) {
      // Pressed twice, and gone from the page with the first.
      if (account.choices.some((one) => one.purposeId === purposeId && one.attribute === attribute))
        return desk.done(req, res, PRIVACY, { key: 'PRIVACY_NOT_KEPT', values: labelled(account, attribute) })
      throw new PageError(404, 'missing')
    }
    const { section, item } = found
    const notice = account.spoken.noticeOf(section.purpose)
    const version = item.isOver ? undefined : section.purpose.inForce?.version
    const chosen = { userId: account.userId, purposeId, attribute, notice, version, now: house.now() }
    switch (fields.one('do')) {
      case 'stop':
        // What nobody can do without is needed now, whatever the page said: the page that asks says what follows.
        if (item.isNeeded) return res.redirect(303, neededAddress(purposeId, attribute))
        return stop(req, res, account, chosen)
      case 'allow':
        // Nothing is agreed to in words that were not on the page.
        if (fields.one('notice') !== notice.hash || item.isOver)
          return show(req, res, [{ field: idOf(purposeId, attribute), message: { key: 'CHANGED' } }])
        return agree(req, res, account, chosen)
      default:
        throw new PageError(422, 'bad-request')
    }
  }

  async function stop(req: Request, res: Response, account: Account, chosen: Chosen): Promise<void> {
    const missing = await missingFor(desk, req, res, chosen.attribute)
    if (missing) return res.redirect(303, desk.confirmAddress(PRIVACY, missing))
    const stopped = await withdraw(house, chosen)
    desk.done(req, res, PRIVACY, saidOf(stopped, account, chosen.attribute))
  }

  async function agree(req: Request, res: Response, account: Account, chosen: Chosen): Promise<void> {
    const outcome = await allow(house.db, chosen)
    const values = labelled(account, chosen.attribute)
    if (outcome === 'kept') return desk.done(req, res, PRIVACY, { key: 'PRIVACY_KEPT', values })
    const idps = await idpsThatSend(house.db, chosen.userId, chosen.attribute)
    if (idps.length > 0) return desk.done(req, res, PRIVACY, { key: 'PRIVACY_LATER', values: { ...values, idp: idps } })
    // Nobody else will say it.
    desk.done(req, res, `/edit?${new URLSearchParams({ attribute: chosen.attribute })}`, {
      key: 'PRIVACY_TYPE',
      values,
    })
  }
}

/** The page that asks about a detail without which there is no account. */
function neededAddress(purpose: string, attribute: string): string {
  return `${MY_ACCOUNT_HOME}${NEEDED}?${new URLSearchParams({ purpose, attribute })}`
}

function saidOf(stopped: Stopped, account: Account, attribute: string): Message {
  const values = labelled(account, attribute)
  switch (stopped.kind) {
    case 'deleted':
      return { key: 'PRIVACY_DELETED', values }
    case 'kept':
      return { key: 'PRIVACY_STILL', values: { ...values, purpose: purposeNames(account, stopped.purposeIds) } }
    case 'not-kept':
    case 'missing':
      return { key: 'PRIVACY_NOT_KEPT', values }
    default:
      return stopped satisfies never
  }
}

function labelled({ spoken }: Account, attribute: string): { attribute: string } {
  return { attribute: spoken.label(attribute).text }
}

function onPage({ purpose, items }: Section, account: Account): PurposeOnPage {
  const { id, language, description } = purpose
  return {
    id,
    ...(language === undefined ? {} : { lang: language }),
    purpose: purpose.purpose,
    description,
    ...(account.choices.some((choice) => choice.purposeId === id)
      ? { receipt: `${MY_ACCOUNT_HOME}${PRIVACY}/receipt?${new URLSearchParams({ purpose: id })}` }
      : {}),
    notice: account.spoken.noticeOf(purpose).hash,
    details: items.map((item) => detailOf(id, item, account)),
  }
}

function detailOf(purposeId: string, item: Item, account: Account): DetailOnPage {
  const { attribute, kept } = item
  const value = account.kept.find(({ name }) => name === attribute)
  return {
    id: idOf(purposeId, attribute),
    attribute,
    label: account.spoken.label(attribute),
    ...(kept === 'here' && value
      ? { value: shown(value.value) }
      : { without: typeof kept === 'object' ? elsewhere(account, kept.elsewhere) : { key: 'privacy.none' } }),
    isNeeded: item.isNeeded,
    isOver: item.isOver,
    ...saidWhen(item, account),
    can: item.can,
    href: neededAddress(purposeId, attribute),
  }
}

function elsewhere(account: Account, ids: string[]): Message {
  return { key: 'privacy.elsewhere', values: { purpose: purposeNames(account, ids) } }
}

function idOf(purposeId: string, attribute: string): string {
  return `detail-${purposeId}-${attribute}`
}

/** What holds of an item, in one sentence. */
function saidWhen({ attribute, choice, kept }: Item, { spoken, kept: values }: Account): Pick<DetailOnPage, 'said'> {
  if (choice) {
    const { state, at, idp, channel } = choice
    const language = new Intl.DisplayNames(spoken.language, { type: 'language' }).of(choice.language) ?? choice.language
    const where: Message =
      channel === 'sign-in'
        ? idp === null
          ? { key: 'privacy.where.signin' }
          : { key: 'privacy.where.idp', values: { idp } }
        : { key: 'privacy.where.here' }
    return { said: { key: SAID[state], at, where, values: { language } } }
  }
  const value = values.find(({ name }) => name === attribute)
  if (kept !== 'here' || !value) return { said: { key: 'privacy.unanswered' } }
  return value.idp === null
    ? { said: { key: 'privacy.unasked', at: value.since } }
    : { said: { key: 'privacy.unasked.idp', at: value.since, values: { idp: value.idp } } }
}

const SAID = {
  given: 'privacy.given',
  refused: 'privacy.refused',
  withdrawn: 'privacy.withdrawn',
} as const
