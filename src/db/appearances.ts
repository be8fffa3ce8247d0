// Rows of appearances: how pages look and what they say, as drafted and published in the console.
import { type Db, query, queryOne } from './connect.ts'

/** As it stands in a row. What is in `tokens` and `words` is for the reader to judge (themes/appearance.ts). */
export interface StoredAppearance {
  tokens: unknown
  words: unknown
  logo: Buffer | null
  logoType: string | null
}

export interface AppearanceRow extends StoredAppearance {
  id: number
  note: string
  createdAt: Date
  createdBy: string
}

/** A published one, without what is in it. */
export interface PublishedEntry {
  id: number
  note: string
  /** Who drafted it. */
  createdBy: string
  publishedAt: Date
  publishedBy: string
}

const COLUMNS = `id, tokens, words, logo, logo_type AS "logoType", note, created_at AS "createdAt", created_by AS "createdBy"`

/** The id of the one in use. */
export async function publishedAppearanceId(db: Db): Promise<number | undefined> {
  const row = await queryOne<{ id: number | null }>(
    db,
    'SELECT max(id) AS id FROM appearances WHERE published_at IS NOT NULL',
  )
  return row?.id ?? undefined
}

export function findAppearance(db: Db, id: number): Promise<AppearanceRow | undefined> {
  return queryOne(db, `SELECT ${COLUMNS} FROM appearances WHERE published_at IS NOT NULL AND id = ?`, [id])
}

export function findAppearanceDraft(db: Db): Promise<AppearanceRow | undefined> {
  return queryOne(db, `SELECT ${COLUMNS} FROM appearances WHERE published_at IS NULL`)
}

/** The published ones, the one in use first. */
export function listPublishedAppearances(db: Db): Promise<PublishedEntry[]> {
  return query(
    db,
    `SELECT id, note, created_by AS "createdBy", published_at AS "publishedAt", published_by AS "publishedBy"
     FROM appearances WHERE published_at IS NOT NULL ORDER BY id DESC`,
  )
}

/** @returns the id of the draft; nothing if there is one already */
export async function insertAppearanceDraft(
  db: Db,
  { tokens, words, logo, logoType }: StoredAppearance,
  by: { actor: string; now: Date },
): Promise<number | undefined> {
  const row = await queryOne<{ id: number }>(
    db,
    `INSERT INTO appearances (tokens, words, logo, logo_type, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT ((true)) WHERE published_at IS NULL DO NOTHING RETURNING id`,
    [JSON.stringify(tokens), JSON.stringify(words), logo, logoType, by.now, by.actor],
  )
  return row?.id
}

/** @returns the new id of the draft; nothing if it is not that one any more */
export async function updateAppearanceDraft(
  db: Db,
  id: number,
  { tokens, words, logo, logoType }: StoredAppearance,
  by: { actor: string; now: Date },
): Promise<number | undefined> {
  const row = await queryOne<{ id: number }>(
    db,
    `UPDATE appearances SET id = DEFAULT, tokens = ?, words = ?, logo = ?, logo_type = ?, created_at = ?, created_by = ?
     WHERE id = ? AND published_at IS NULL RETURNING id`,
    [JSON.stringify(tokens), JSON.stringify(words), logo, logoType, by.now, by.actor, id],
  )
  return row?.id
}

/** @returns true if it was this one */
export async function deleteAppearanceDraft(db: Db, id: number): Promise<boolean> {
  const row = await queryOne(db, 'DELETE FROM appearances WHERE id = ? AND published_at IS NULL RETURNING id', [id])
  return row !== undefined
}

/** @returns the id of what is in use from now on; nothing if the draft is not that one any more */
export async function publishAppearanceDraft(
  db: Db,
  id: number,
  by: { actor: string; now: Date; note: string },
): Promise<number | undefined> {
  const row = await queryOne<{ id: number }>(
    db,
    `UPDATE appearances SET id = DEFAULT, published_at = ?, published_by = ?, note = ?
     WHERE id = ? AND published_at IS NULL RETURNING id`,
    [by.now, by.actor, by.note, id],
  )
  return row?.id
}

/** Publishes one that was no draft. @returns its id */
export async function insertPublishedAppearance(
  db: Db,
  { tokens, words, logo, logoType }: StoredAppearance,
  by: { actor: string; now: Date; note: string },
): Promise<number | undefined> {
  const row = await queryOne<{ id: number }>(
    db,
    `INSERT INTO appearances (tokens, words, logo, logo_type, note, created_at, created_by, published_at, published_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    [JSON.stringify(tokens), JSON.stringify(words), logo, logoType, by.note, by.now, by.actor, by.now, by.actor],
  )
  return row?.id
}

/** Publishes an old one again, as a new row. @returns its id; nothing if there is no such old one */
export async function publishAppearanceAgain(
  db: Db,
  id: number,
  by: { actor: string; now: Date; note: string },
): Promise<number | undefined> {
  const row = await queryOne<{ id: number }>(
    db,
    `INSERT INTO appearances (tokens, words, logo, logo_type, note, created_at, created_by, published_at, published_by)
     SELECT tokens, words, logo, logo_type, ?, created_at, created_by, ?, ? FROM appearances
     WHERE id = ? AND published_at IS NOT NULL RETURNING id`,
    [by.note, by.now, by.actor, id],
  )
  return row?.id
}

/** Forgets all published ones but the last `kept`. */
export async function forgetOldAppearances(db: Db, kept: number): Promise<void> {
  await query(
    db,
    `DELETE FROM appearances WHERE id IN (
       SELECT id FROM appearances WHERE published_at IS NOT NULL ORDER BY id DESC OFFSET ?)`,
    [kept],
  )
}
