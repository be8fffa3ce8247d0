// The codes that we make ourselves: six digits by e-mail, and backup codes for the day on which a factor is lost.
import { randomInt } from 'node:crypto'

/** Crockford's base 32, in small letters: nothing in it looks like anything else in it. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const LABEL = 4
/** 50 bits, which Argon2id makes dear to guess from a dump; a form is guessed at ten times in ten minutes (ASVS 6.5.2, 6.5.4). */
const SECRET = 10
const BACKUP_CODES = 10

export interface BackupCode {
  /** Finds its row: no two of a person are the same, and it says nothing. */
  label: string
  secret: string
}

/** Six digits, from 000000 on. */
export function newEmailCode(): string {
  return String(randomInt(1_000_000)).padStart(6, '0')
}

/** A whole set, each with a label of its own. */
export function newBackupCodes(): BackupCode[] {
  const labels = new Set<string>()
  while (labels.size < BACKUP_CODES) labels.add(characters(LABEL))
  return [...labels].map((label) => ({ label, secret: characters(SECRET) }))
}

/** As people keep it: k3m9-7xqp2-rvt9w. */
export function writtenOut({ label, secret }: BackupCode): string {
  return [label, secret.slice(0, SECRET / 2), secret.slice(SECRET / 2)].join('-')
}

/** What somebody typed of their list, however they wrote it: case, spaces and dashes do not matter, nor do the letters that look like digits. */
export function backupCodeIn(typed: string): BackupCode | undefined {
  const plain = typed
    .toLowerCase()
    .replaceAll(/[\s\p{Pd}]/gu, '')
    .replaceAll('o', '0')
    .replaceAll(/[il]/g, '1')
  if (plain.length !== LABEL + SECRET || [...plain].some((character) => !ALPHABET.includes(character))) return undefined
  return { label: plain.slice(0, LABEL), secret: plain.slice(LABEL) }
}

function characters(count: number): string {
  return Array.from({ length: count }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}
