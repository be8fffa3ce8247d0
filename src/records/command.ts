// The command that proves the records: vestibule consent verify.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Db } from '../db/connect.ts'
import type { Keyring } from '../seal.ts'
import { checkpointVerifier } from './checkpoint.ts'
import { readKept } from './kept-checkpoints.ts'
import { type Counts, verifyRecords } from './verify.ts'

export const RECORDS_USAGE = `  consent verify [--checkpoints <file>]
                 proves that no record of consent is other than it was; with lines of the log, that no checkpoint is, either
`

export interface Answer {
  text: string
  isWell: boolean
}

/**
 * Verifies, and says what came of it: `ok` and how much there is, or the first thing that is not as it was.
 * @param file lines of the log that were kept elsewhere
 * @param terminal is told how far it is, where somebody looks
 */
export async function verifyCommand(
  { db, keyring }: { db: Db; keyring: Keyring },
  file: string | undefined,
  terminal: { isTTY?: boolean; write(text: string): unknown },
): Promise<Answer> {
  const kept = file === undefined ? undefined : await readKept(createInterface({ input: createReadStream(file) }))
  if (kept?.size === 0) throw new Error(`There is no line of a checkpoint in ${file}.`)
  const show = (text: string) => terminal.isTTY === true && terminal.write(`\r\x1b[K${text}`)
  const { faults, first, ...counts } = await verifyRecords(db, await checkpointVerifier(db, keyring), {
    ...(kept ? { kept } : {}),
    progress: (soFar) => show(`${number(soFar.records)} records`),
  })
  show('')
  if (first === undefined) return { text: `ok: ${sum(counts)}\n`, isWell: true }
  const more = faults === 1 ? '' : `and ${number(faults - 1)} more\n`
  return { text: `${first}\n${more}not ok: ${sum(counts)}\n`, isWell: false }
}

function sum({ records, people, checkpoints }: Counts): string {
  const who = `${number(people)} ${people === 1 ? 'person' : 'people'}`
  return `${counted(records, 'record')} of ${who}, ${counted(checkpoints, 'checkpoint')}`
}

function counted(count: number, thing: string): string {
  return `${number(count)} ${thing}${count === 1 ? '' : 's'}`
}

function number(value: number): string {
  return new Intl.NumberFormat('en').format(value)
}
