// Everything that is held about one person, as they may take it along.
import { OF_USERS } from './changes.ts'
import { type Db, query, queryOne } from './connect.ts'

/** Of each table with something of a person, what is said of it in the download. */
const PARTS = {
  user: `SELECT id, store, username, is_locked AS "isLocked", password_hash IS NOT NULL AS "hasPassword", created_at AS "createdAt",
      signed_out_at AS "signedOutAt" FROM users WHERE id = :user`,
  attributes: `SELECT user_attributes.name, value, verified, origin, display_name AS idp, updated_at AS since
      FROM user_attributes LEFT JOIN idps ON idps.id = origin_idp_id WHERE user_id = :user ORDER BY user_attributes.name`,
  identities: `SELECT display_name AS idp, i.issuer, subject, scheme, sent, i.created_at AS since
      FROM identities i JOIN idps ON idps.id = idp_id WHERE user_id = :user ORDER BY i.created_at`,
  roles: `SELECT role, origin, display_name AS idp, r.created_at AS since
      FROM user_roles r LEFT JOIN idps ON idps.id = origin_idp_id WHERE user_id = :user ORDER BY role`,
  secondFactors: `SELECT kind, confirmed_at AS since FROM user_factors WHERE user_id = :user ORDER BY kind`,
  backupCodes: `SELECT created_at AS "madeAt", used_at AS "usedAt" FROM backup_codes WHERE user_id = :user ORDER BY used_at, label`,
  operator: `SELECT role, created_at AS since FROM operators WHERE user_id = :user`,
  records: `SELECT sequence, purpose_id AS purpose, attribute, state, channel, c.language, idp_name AS idp,
      application_name AS application, flow_id AS flow, notice_hash AS words, c.created_at AS at, encode(previous_hash, 'hex') AS "previousHash",
      encode(hash, 'hex') AS hash FROM consents c WHERE user_id = :user ORDER BY sequence`,
  words: `SELECT hash, language, content FROM notices
      WHERE hash IN (SELECT notice_hash FROM consents WHERE user_id = :user) ORDER BY hash`,
  versionsSeen: `SELECT purpose_id AS purpose, version FROM answered_versions WHERE user_id = :user ORDER BY purpose_id`,
  versionsAnswered: `SELECT purpose_id AS purpose, attribute, version FROM answered_attributes WHERE user_id = :user
      ORDER BY purpose_id, attribute`,
  signIns: `SELECT e.created_at AS at, event, code, idps.display_name AS idp, applications.name AS application, mode, facts, decision, asked,
      came_back AS "cameBack", problem_codes AS "problemCodes", failure, detail
      FROM audit_events e LEFT JOIN idps ON idps.id = e.idp_id LEFT JOIN applications ON applications.id = e.application_id
      WHERE user_id = :user ORDER BY e.created_at DESC, e.id DESC`,
  events: `SELECT created_at AS at, event, detail FROM account_events WHERE user_id = :user ORDER BY id DESC`,
  byOperators: `SELECT at, kind, action FROM changes WHERE kind = ANY ('{${OF_USERS.map((kind) => `"${kind}"`)}}') AND object = :user::text
      OR kind = 'identity' AND after->>'user' = :user::text ORDER BY id DESC`,
  accountSessions: `SELECT created_at AS begun, expires_at AS ends FROM account_sessions WHERE user_id = :user ORDER BY created_at DESC`,
  consoleSessions: `SELECT created_at AS begun, expires_at AS ends FROM console_sessions WHERE user_id = :user ORDER BY created_at DESC`,
  applicationSessions: `SELECT model AS kind, expires_at AS ends FROM oidc_records WHERE user_id = :user ORDER BY expires_at DESC`,
  letters: `SELECT kind, language, facts, created_at AS at FROM mails WHERE user_id = :user ORDER BY created_at`,
} as const

/** Tables that have a `user_id` and are not in the download, each with the reason. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  emailed_codes: 'hashes of codes that count for five minutes; their letters are among the letters',
  consent_heads: 'the hash of the last record, which is among the records',
  consent_checkpoint_heads: 'hashes of records, which are among the records, as they were on a day',
}

/** The tables that the download reads. */
export const TAKEN: readonly string[] = [
  ...new Set(
    Object.values(PARTS).flatMap((sql) => [...sql.matchAll(/\bFROM (\w+)/g)].map(([, table]) => String(table))),
  ),
]

export type AccountData = Record<keyof typeof PARTS, unknown>

/** Reads it; undefined when there is no such user. No secret, and no id that opens anything, is among it. */
export async function readAccountData(db: Db, userId: string): Promise<AccountData | undefined> {
  const user = await one(db, PARTS.user, userId)
  if (!user) return undefined
  const parts: Record<string, unknown> = {}
  for (const [name, sql] of Object.entries(PARTS)) parts[name] = name === 'user' ? user : await all(db, sql, userId)
  return parts as AccountData
}

function all(db: Db, sql: string, userId: string): Promise<unknown[]> {
  return query(db, sql.replaceAll(':user', '?'), Array(sql.split(':user').length - 1).fill(userId))
}

function one(db: Db, sql: string, userId: string): Promise<unknown> {
  return queryOne(db, sql.replace(':user', '?'), [userId])
}
