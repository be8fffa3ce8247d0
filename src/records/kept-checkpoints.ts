// Checkpoints as the log keeps them: read from lines of a file, in JSON or for a terminal, whatever a log service put before them. Pure but for the lines it is given.
import { LINE } from './checkpoint.ts'

export interface KeptCheckpoint {
  number: number
  day: string
  /** base64url, as is the signature. */
  hash: string
  signature: string
}

/**
 * Reads the copies among these lines, by number; every other line is passed over. Throws when two of one number say different things: then the
 * lines are not of one installation, or not as they were.
 */
export async function readKept(lines: AsyncIterable<string>): Promise<Map<number, KeptCheckpoint>> {
  const kept = new Map<number, KeptCheckpoint>()
  for await (const line of lines) {
    if (!line.includes(LINE)) continue
    const one = readLine(line)
    if (!one) continue
    const other = kept.get(one.number)
    if (other && (other.hash !== one.hash || other.signature !== one.signature || other.day !== one.day))
      throw new Error(`The file has checkpoint ${one.number} twice, and they say different things.`)
    kept.set(one.number, one)
  }
  return kept
}

/** `"hash":"…"` of a line in JSON, `hash=…` of one for a terminal. */
function readLine(line: string): KeptCheckpoint | undefined {
  const value = (name: string) => new RegExp(`\\b${name}"?[=:]"?([\\w-]+)`).exec(line)?.[1]
  const [number, day, hash, signature] = ['number', 'day', 'hash', 'signature'].map(value)
  if (number === undefined || day === undefined || hash === undefined || signature === undefined) return undefined
  return { number: Number(number), day, hash, signature }
}
