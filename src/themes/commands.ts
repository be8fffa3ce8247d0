// The commands for people who make themes: vestibule theme new, eject, check. They need no database and no configuration.
import path from 'node:path'
import { checkTheme } from './check.ts'
import { type Finding, type Ours, themeNames } from './find.ts'
import { CannotWrite, eject, newTheme } from './write.ts'

export const THEME_USAGE = `  theme new <name>             begins a theme in views/themes/<name>
  theme eject <view> <name>    copies one of our templates into a theme
  theme check [name]           lists what is wrong with a theme: THEME, or each one in views/themes
`

export interface Answer {
  text: string
  isWell: boolean
}

/**
 * Runs one of them.
 * @param words what stands behind `vestibule theme`
 * @param theme what THEME says
 * @returns nothing if there is no such command
 */
export function themeCommand(words: string[], ours: Ours, theme: string | undefined): Answer | undefined {
  const [command, first, second, ...more] = words
  if (more.length > 0) return undefined
  if (command === 'check' && second === undefined) return check(first ?? theme, ours)
  try {
    if (command === 'new' && first !== undefined && second === undefined) {
      const files = newTheme(first, ours).map((file) => `  ${here(file)}\n`)
      return { text: `Made\n${files.join('')}See it with: THEME=${first} npm start\n`, isWell: true }
    }
    const into = second ?? theme
    if (command === 'eject' && first !== undefined && into !== undefined) {
      return {
        text: `Made ${here(eject(first, into, ours))}. Change it, then: vestibule theme check ${into}\n`,
        isWell: true,
      }
    }
  } catch (error) {
    if (error instanceof CannotWrite) return { text: `${error.message}\n`, isWell: false }
    throw error
  }
  return undefined
}

function check(name: string | undefined, ours: Ours): Answer {
  const names = name === undefined ? themeNames(ours) : [name]
  const checked = names.map((one) => ({ one, findings: checkTheme(one, ours) }))
  const text = checked.map(({ one, findings }) => report(one, findings)).join('')
  return {
    text: text || 'There is no theme to check.\n',
    isWell: checked.every(({ findings }) => findings.length === 0),
  }
}

function report(name: string, findings: Finding[]): string {
  if (findings.length === 0) return `The theme ${name} has no fault.\n`
  const lines = findings.map(({ file, line, problem, todo }) => `${here(file)}:${line}: ${problem}\n    ${todo}\n`)
  const count = findings.length === 1 ? 'a fault' : `${findings.length} faults`
  return `The theme ${name} has ${count}.\n\n${lines.join('\n')}`
}

/** A path as one would type it here. */
function here(file: string): string {
  const relative = path.relative('', file)
  return relative.startsWith('..') ? file : relative
}
