// What idps keep up to date of a user while the enhanced feature is on (design, 7): nobody else writes it, and this says what it is.
import { type Db, query, queryOne } from './connect.ts'

/** Who keeps an attribute up to date. */
export interface Keeper {
  /** As people call the idp. */
  idp: string
  /** An idp that is off keeps what it said: it is a pause, in which nobody gets to rewrite what applications rely on. */
  isEnabled: boolean
}

/** SQL of whether the feature is on: the settings of a process are a few seconds old. */
export const ENHANCED = `EXISTS (SELECT FROM installation WHERE jit_provisioning->>'enable_enhanced_feature' = 'true')`

/** Whether the feature is on now. */
export async function isEnhanced(db: Db): Promise<boolean> {
  return (await queryOne<{ isOn: boolean }>(db, `SELECT ${ENHANCED} AS "isOn"`))?.isOn === true
}

/**
 * The attributes of a user that an idp keeps up to date, by name: values that came from it, and what it sends without anything being kept, such as
 * after the person stopped it. Not those of an idp that never brings anything up to date. Empty while the feature is off.
 */
export async function keepersOf(db: Db, userId: string): Promise<ReadonlyMap<string, Keeper>> {
  const rows = await query<Keeper & { name: string }>(
    db,
    `SELECT a.name, display_name AS idp, is_enabled AS "isEnabled"
     FROM user_attributes a JOIN idps ON idps.id = origin_idp_id
     WHERE user_id = ? AND attribute_sync_method <> 'NONE' AND ${ENHANCED}
     UNION ALL
     SELECT sent.name, display_name, is_enabled
     FROM identities i JOIN idps ON idps.id = idp_id CROSS JOIN unnest(sent) AS sent (name)
     WHERE user_id = ? AND attribute_sync_method <> 'NONE' AND ${ENHANCED}
       AND NOT EXISTS (SELECT FROM user_attributes a WHERE a.user_id = i.user_id AND a.name = sent.name)`,
    [userId, userId],
  )
  return new Map(rows.map(({ name, ...keeper }) => [name, keeper]))
}
