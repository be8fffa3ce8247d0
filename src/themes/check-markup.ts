// Checks the markup of a template: quotes, and what the content security policy stops. Pure.
import { createHash } from 'node:crypto'
import type { Finding } from './find.ts'

/** Makes a finding about a place of a text. */
export type At = (index: number, problem: string, todo: string) => Finding

/** Of the same length and lines, with nothing in it. */
export const blank = (text: string) => text.replace(/[^\n]/g, '\u0001')

/**
 * @param code a template without its comments
 * @param hashes of the scripts that theme.json vouches for
 */
export function checkMarkup(code: string, hashes: readonly string[], at: At): Finding[] {
  const html = code.replace(/<%[\s\S]*?%>/g, blank)
  const tags = [...html.matchAll(/<([a-z][\w-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/gi)]
  return [
    ...tags.flatMap(({ 1: tag = '', 2: rest = '', index }) => {
      const names = rest.replace(/"[^"]*"|'[^']*'/g, '""')
      const [, bare] = /([\w:-]+)\s*=\s*(?!\s|"")/.exec(names) ?? []
      const [, inline] = /\s(style|on[a-z]+)\s*=/i.exec(names) ?? []
      const isForm = tag.toLowerCase() === 'form' && !/\snovalidate\b/i.test(names)
      return [
        ...(bare === undefined
          ? []
          : [
              at(
                index,
                `the value of ${bare} is not quoted`,
                `Write ${bare}="…": escaping protects nothing outside quotes`,
              ),
            ]),
        ...(inline === undefined
          ? []
          : [at(index, `${inline}= is stopped by the content security policy`, 'Put styles into public/style.css')]),
        ...(isForm
          ? [
              at(
                index,
                'the form has no novalidate',
                'Write <form novalidate …>, so that people read our messages, in their language',
              ),
            ]
          : []),
        ...(tag.toLowerCase() === 'style'
          ? [at(index, '<style> is stopped by the content security policy', 'Put it into public/style.css')]
          : []),
      ]
    }),
    ...scripts(code, hashes, at),
  ]
}

function scripts(code: string, hashes: readonly string[], at: At): Finding[] {
  return [...code.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script\s*>/gi)].flatMap(
    ({ 1: rest = '', 2: text = '', index }) => {
      if (/\ssrc\s*=/i.test(rest))
        return /src="\/public\/page\.js"/.test(rest)
          ? []
          : [
              at(
                index,
                'this script is stopped by the content security policy',
                'Write its text here, and its hash into csp of theme.json',
              ),
            ]
      const hash = `'sha256-${createHash('sha256').update(text).digest('base64')}'`
      return hashes.includes(hash)
        ? []
        : [
            at(
              index,
              'this script is stopped by the content security policy',
              `Write into csp of theme.json: "script-src": ["${hash}"]`,
            ),
          ]
    },
  )
}
