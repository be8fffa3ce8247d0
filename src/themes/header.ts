// The first line of a template that was copied into a theme: of which file it is a copy, and what that was like then. Pure but for the hash.
import { createHash } from 'node:crypto'
import { CONTRACT } from '../web/contract.ts'

export interface Header {
  view: string
  contract: number
  /** The beginning of the hash of our file as it was when it was copied. */
  base: string
  core: string
}

/** The line that stands before a copy of our template `text`. */
export function headerOf(view: string, text: string, core: string): string {
  return `<%# vestibule:template ${view} contract=${CONTRACT} base=${hashOf(text)} core=${core} -%>\n`
}

/** Reads it again; undefined if the text begins otherwise. */
export function readHeader(text: string): Header | undefined {
  const found = /^<%# vestibule:template ([\w/-]+) contract=(\d+) base=([0-9a-f]{12}) core=([\w.-]+) -%>/.exec(text)
  if (!found) return undefined
  const [, view = '', contract, base = '', core = ''] = found
  return { view, contract: Number(contract), base, core }
}

/** What tells one state of a template from another; the ends of lines do not. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex').slice(0, 12)
}
