// To change a value, or to type one that is allowed and that nobody has said. It is the person's own from then on.
import type { Request, Response } from 'express'
import { putOwnValue } from '../db/account-values.ts'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import type { Keeper } from '../db/read-only.ts'
import type { SheetAttribute } from '../db/user-sheet.ts'
import { inputFor, readTyped } from '../provisioning/typed-attributes.ts'
import { PageError } from '../web/errors.ts'
import { inOneLine, readFields, textParameter } from '../web/forms.ts'
import { languageOf } from '../web/language.ts'
import type { Message } from '../web/page.ts'
import { type Account, readAccount } from './account.ts'
import type { AccountPage, Room } from './desk.ts'
import { missingFor } from './factors.ts'
import type { Label } from './spoken.ts'

export const EDIT = '/edit'

interface EditPage extends AccountPage {
  action: string
  cancel: string
  attribute: string
  label: Label
  /** Of the field. */
  id: string
  value: string
  problem?: Message
  /** What follows, before it does. */
  hints: Message[]
  type: string
  autocomplete: string
}

export const editRoom: Room = (desk) => {
  const { house } = desk
  return [
    { method: 'get', path: EDIT, handler: show },
    { method: 'post', path: EDIT, handler: submit },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const { account, attribute, kept } = await find(res, textParameter(req.query['attribute']))
    const keeper = account.keepers.get(attribute)
    if (keeper) return desk.done(req, res, '', readOnly(account, attribute, keeper))
    const missing = await missingFor(desk, req, res, attribute)
    if (missing) return res.redirect(303, desk.confirmAddress(`${EDIT}?${new URLSearchParams({ attribute })}`, missing))
    answer(req, res, account, attribute, { kept, value: kept ? textOf(kept) : '' })
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const { account, attribute, kept } = await find(res, fields.one('attribute'))
    const value = fields.one('value')
    const label = account.spoken.label(attribute).text
    const keeper = account.keepers.get(attribute)
    if (keeper) return desk.done(req, res, '', readOnly(account, attribute, keeper))
    // Left as it was, it is not theirs yet, and stays confirmed.
    if (kept && value.trim() === textOf(kept)) return desk.done(req, res, '', { key: 'PROFILE_SAME' })
    const read = readTyped(attribute, value, label)
    if ('problem' in read) return answer(req, res, account, attribute, { kept, value, problem: read.problem })
    const missing = await missingFor(desk, req, res, attribute)
    if (missing) return res.redirect(303, desk.confirmAddress(`${EDIT}?${new URLSearchParams({ attribute })}`, missing))
    const typed = await putOwnValue(house, {
      userId: account.userId,
      attribute,
      value: read.value,
      language: languageOf(res),
    })
    // Stopped in another tab meanwhile.
    if (typed === 'refused') throw new PageError(404, 'missing')
    // The feature was turned on meanwhile.
    if (typeof typed === 'object') return desk.done(req, res, '', readOnly(account, attribute, typed))
    if (typed === 'same') return desk.done(req, res, '', { key: 'PROFILE_SAME' })
    desk.done(req, res, '', { key: 'PROFILE_SAVED', values: { attribute: label } })
  }

  async function find(res: Response, attribute: string | undefined) {
    const account = await readAccount(house, res)
    const kept = account.kept.find(({ name }) => name === attribute)
    if (attribute === undefined || !(kept ? isTheirs(kept) : isMissing(account, attribute)))
      throw new PageError(404, 'missing')
    return { account, attribute, kept }
  }

  function answer(
    req: Request,
    res: Response,
    { spoken }: Account,
    attribute: string,
    { kept, value, problem }: { kept: SheetAttribute | undefined; value: string; problem?: Message },
  ): void {
    const label = spoken.label(attribute)
    const id = `attribute-${attribute}`
    desk.show<EditPage>(
      req,
      res,
      'edit',
      {
        title: { key: kept ? 'edit.title' : 'edit.title.new', values: { attribute: label.text } },
        problems: problem ? [{ field: id, message: problem }] : [],
        action: `${MY_ACCOUNT_HOME}${EDIT}`,
        cancel: MY_ACCOUNT_HOME,
        attribute,
        label,
        id,
        value,
        ...(problem ? { problem } : {}),
        hints: [
          ...(kept?.origin === 'idp' ? [{ key: 'edit.yours', values: { idp: kept.idp ?? '' } }] : []),
          ...(kept?.verified ? [{ key: 'edit.unconfirmed' }] : []),
        ],
        ...inputFor(attribute),
      },
      problem ? 422 : 200,
    )
  }
}

/** Nothing was changed, and why. */
function readOnly({ spoken }: Account, attribute: string, { idp }: Keeper): Message {
  return { key: 'READONLY_IDP', values: { attribute: spoken.label(attribute).text, idp } }
}

/** Whether a person may change a value: not an operator's, and only text, which is what can be typed. */
export function isTheirs({ origin, value }: Pick<SheetAttribute, 'origin' | 'value'>): boolean {
  return origin !== 'operator' && (typeof value === 'string' || (typeof value === 'object' && !Array.isArray(value)))
}

/** Whether a value may be kept and is not. */
export function isMissing({ choices, kept }: Pick<Account, 'choices' | 'kept'>, attribute: string): boolean {
  const isGiven = choices.some((choice) => choice.attribute === attribute && choice.state === 'given')
  return isGiven && !kept.some(({ name }) => name === attribute)
}

/** In one line, as a field has it. */
export function textOf({ value }: Pick<SheetAttribute, 'value'>): string {
  const text =
    typeof value === 'object' && !Array.isArray(value)
      ? (value['formatted'] ?? Object.values(value).join(', '))
      : String(value)
  return inOneLine(text, ', ')
}
