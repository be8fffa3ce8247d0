// What a person types about themselves in My Account.
import type { House } from '../house.ts'
import { insertAccountEvent } from './account-events.ts'
import { inTransaction, query, queryOne } from './connect.ts'
import { currentConsents } from './consents.ts'
import { dropEmailFactor } from './factor-changes.ts'
import { queueMail } from './mails.ts'
import { type Keeper, keepersOf } from './read-only.ts'
import type { AttributeValue } from './user-attributes.ts'
import { lockUser } from './users.ts'

/** `refused`: an operator's value, one that nobody agreed to keep, or of no user. `same`: it says that already. A keeper: an idp has the say. */
export type Typed = 'saved' | 'same' | 'refused' | Keeper

/**
 * Makes a value the person's own: no later sign-in touches it. Only in place of one that is kept and is not an operator's, or of none where the
 * person has agreed that there is one; never what an idp keeps up to date. An address or a number that somebody typed is confirmed by nobody, and whoever had the address before is
 * told at it, in `language`.
 */
export function putOwnValue(
  house: Pick<House, 'db' | 'keyring' | 'now' | 'postman'>,
  {
    userId,
    attribute,
    value,
    language,
  }: { userId: string; attribute: string; value: AttributeValue; language: string },
): Promise<Typed> {
  const now = house.now()
  return inTransaction(house.db, async (transaction) => {
    if (!(await lockUser(transaction, userId))) return 'refused'
    const kept = await queryOne<{ origin: string; isSame: boolean }>(
      transaction,
      'SELECT origin, value = ?::jsonb AS "isSame" FROM user_attributes WHERE user_id = ? AND name = ?',
      [JSON.stringify(value), userId, attribute],
    )
    if (kept?.isSame) return 'same'
    const keeper = (await keepersOf(transaction, userId)).get(attribute)
    if (keeper) return keeper
    if (kept?.origin === 'operator') return 'refused'
    if (!kept) {
      const consents = await currentConsents(transaction, userId)
      if (!consents.some((one) => one.attribute === attribute && one.state === 'given')) return 'refused'
    }
    if (attribute === 'email') {
      await queueMail(transaction, house, { userId, kind: 'email-changed', language })
      await dropEmailFactor(transaction, house, { userId, language })
    }
    await query(
      transaction,
      `INSERT INTO user_attributes (user_id, name, value, verified, origin, updated_at) VALUES (?, ?, ?, ?, 'person', ?)
       ON CONFLICT ON CONSTRAINT user_attributes_pkey DO UPDATE SET value = excluded.value, verified = excluded.verified,
         origin = 'person', origin_idp_id = NULL, updated_at = excluded.updated_at`,
      [userId, attribute, JSON.stringify(value), /^(email|phone_number)$/.test(attribute) ? false : null, now],
    )
    await insertAccountEvent(transaction, userId, 'attribute-changed', { attribute }, now)
    return 'saved'
  })
}
