// What the pages of My Account show of one person, in one look.
import type { Choice } from './account-choices.ts'
import { type Db, queryOne } from './connect.ts'
import { ROLES } from './user-roles.ts'
import { ATTRIBUTES, type SheetAttribute } from './user-sheet.ts'

export interface AccountSheet {
  /** What holds, oldest first. */
  choices: Choice[]
  /** By name. */
  kept: SheetAttribute[]
  /** Sorted. */
  roles: string[]
}

/** JSON knows no dates. */
type Read<Row, Moment extends keyof Row> = Omit<Row, Moment> & { [K in Moment]: string }

export async function readAccountSheet(db: Db, userId: string): Promise<AccountSheet> {
  const row = await queryOne<{ choices: Read<Choice, 'at'>[]; kept: Read<SheetAttribute, 'since'>[]; roles: string[] }>(
    db,
    `SELECT choices_of(?) AS choices,
       (SELECT coalesce(json_agg(a), '[]') FROM (${ATTRIBUTES}) a) AS kept, ${ROLES} AS roles`,
    [userId, userId, userId],
  )
  if (!row) throw new Error('PostgreSQL answered without a row.')
  return {
    choices: row.choices.map((choice) => ({ ...choice, at: new Date(choice.at) })),
    kept: row.kept.map((attribute) => ({ ...attribute, since: new Date(attribute.since) })),
    roles: row.roles.sort(),
  }
}
