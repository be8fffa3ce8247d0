// Finds and prints templates: a theme's file first, ours where it has none or a broken one. Law: nothing else imports EJS, and a request never reaches it.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ejs from 'ejs'
import { lostIn } from './plumbing.ts'
import { lineOfMistake } from './template-lines.ts'

export type Locals = Record<string, unknown>

/** Prints the template that `file` of the locals names. */
export type Print = (locals: Locals & { file: string }) => string

/** Why a file of a theme was not used for a page. */
export interface TemplateFault {
  file: string
  /** Unknown when it is the page as a whole that will not do. */
  line?: number
  /** For whoever writes templates. Not for a log in production: an error may quote a value. */
  problem: string
  /** The kind of error, which quotes nothing. */
  kind: string
  /** It failed so often that it is not tried again. */
  isOff: boolean
  /** The id of the request that the page was to answer. */
  request?: string
}

/** The places at which a theme can add to our pages: `slots/<name>.ejs`. */
export const SLOTS = [
  ...['page.header.after', 'page.footer.before', 'error.after', 'form.before', 'form.after', 'username.help'],
  ...['password.help', 'consent.before', 'consent.after', 'actions.after'],
] as const

/** Ours go five deep. */
const DEEPEST = 30
const FAILURES = 3
const WITHIN_MS = 60_000

class Broken extends Error {
  readonly file: string
  readonly line: number | undefined

  constructor(file: string, line: number | undefined, cause: unknown) {
    super(plain(cause), { cause })
    this.file = file
    this.line = line
  }
}

/** A page that prints, and with which a person can do less than with ours. */
class Lost extends Error {
  override name = 'Lost'
}

export interface TemplateOptions {
  /** Ours last; each file is taken from the first folder that has it. */
  folders: string[]
  /** Keeps compiled templates, and which files there are. */
  cache: boolean
  now: () => Date
  /** Told of each failure of a file that is not ours. */
  report: (fault: TemplateFault) => void
  /** Files that count as not there. */
  ignores?: ((file: string) => boolean) | undefined
}

export interface Templates {
  /**
   * Prints a page with what `draw` makes of the templates. A file of a theme that throws, does not compile, or loses a form, a field, a
   * button or a link of our page is left out and reported, with the id of the request that is answered, and ours takes its place. Throws when
   * ours fails.
   */
  page(draw: (print: Print) => string, request?: string): string
}

type Fail = (fault: Pick<TemplateFault, 'file' | 'line'>, error: unknown) => void

export function createTemplates(options: TemplateOptions): Templates {
  const { cache, now, report, ignores = () => false } = options
  const folders = options.folders.map((folder) => path.resolve(folder))
  const ours = folders.slice(-1)
  const kept = new Map<string, Template>()
  const there = new Map<string, boolean>()
  const off = new Set<string>()
  const failures = new Map<string, number[]>()

  function page(draw: (print: Print) => string, request?: string): string {
    if (folders.length === 1) return draw(printer(ours))
    const fail: Fail = (fault, error) => note({ ...fault, ...(request === undefined ? {} : { request }) }, error)
    const left = new Set(off)
    for (;;) {
      const used = new Set<string>()
      try {
        const html = draw(printer(folders, { left, used }))
        return used.size === 0 ? html : asWhole(draw, html, used, left, fail)
      } catch (error) {
        if (!(error instanceof Broken)) throw error
        left.add(error.file)
        fail({ file: error.file, ...(error.line === undefined ? {} : { line: error.line }) }, error.cause)
      }
    }
  }

  /** The page, if a person can do with it what they could do with ours; else without the file that is to blame, or ours. */
  function asWhole(
    draw: (print: Print) => string,
    html: string,
    used: Set<string>,
    left: Set<string>,
    fail: Fail,
  ): string {
    const plain = draw(printer(ours))
    const lost = lostIn(plain, html)
    if (lost.length === 0) return html
    const blame = (file: string) => fail({ file }, new Lost(`the page has lost ${lost.join(', ')}`))
    for (const file of used) {
      const without = tryDraw(draw, new Set([...left, file]))
      if (without !== undefined && lostIn(plain, without).length === 0) {
        blame(file)
        return without
      }
    }
    for (const file of used) blame(file)
    return plain
  }

  function tryDraw(draw: (print: Print) => string, left: Set<string>): string | undefined {
    try {
      return draw(printer(folders, { left, used: new Set() }))
    } catch (error) {
      if (error instanceof Broken) return undefined
      throw error
    }
  }

  function note(fault: Pick<TemplateFault, 'file' | 'line' | 'request'>, error: unknown): void {
    const { file } = fault
    const time = now().getTime()
    const recent = [...(failures.get(file) ?? []).filter((one) => one > time - WITHIN_MS), time]
    failures.set(file, recent)
    if (recent.length >= FAILURES) off.add(file)
    const kind = error instanceof Error ? error.name : typeof error
    report({ ...fault, problem: plain(error), kind, isOff: off.has(file) })
  }

  /** `left` are the files that count as not there; `used` gathers those of a theme that were printed. */
  function printer(within: string[], theme?: { left: Set<string>; used: Set<string> }): Print {
    let depth = 0
    const run = (file: string, locals: Locals): string => {
      if (depth === DEEPEST) throw new Error('templates include each other for ever')
      depth += 1
      try {
        return runWithin(file, locals)
      } finally {
        depth -= 1
      }
    }

    const runWithin = (file: string, locals: Locals): string => {
      // `given`: what this include says itself. What a part can do without it reads from there, or it would find what surrounds it.
      const include = (name: string, given: Locals = {}) => run(named(name), { ...locals, ...given, given })
      const slot = (name: string) => fill(name, locals)
      if (!isOfTheme(file)) return templateOf(file)({ ...locals, include, slot })
      theme?.used.add(file)
      try {
        // One that returns early returns nothing.
        return String(templateOf(file)({ ...locals, include, slot }) ?? '')
      } catch (error) {
        // What it included and is a theme's as well has been blamed already; what is ours failed for what it was given here.
        if (error instanceof Broken) throw error
        throw new Broken(file, lineOf(error, file), error)
      }
    }

    const named = (name: string): string => {
      // A name beside the including file would find ours before a customised one.
      if (!/^\/[\w-]+(?:[./][\w-]+)*$/.test(name)) throw new Error(`"${name}" has to begin with a slash`)
      const file = find(within, name, theme?.left)
      if (file === undefined) throw new Error(`there is no ${name}`)
      return file
    }

    /** What a theme adds at a place. One that throws adds nothing. */
    const fill = (name: string, locals: Locals): string => {
      if (!(SLOTS as readonly string[]).includes(name)) throw new Error(`there is no slot ${name}`)
      const file = theme && find(within, `/slots/${name}`, theme.left)
      if (file === undefined) return ''
      return `<div class="slot" data-slot="${name}">\n${run(file, locals)}</div>\n`
    }

    return (locals) => run(named(`/${locals.file}`), locals)
  }

  function isOfTheme(file: string): boolean {
    return folders.slice(0, -1).some((folder) => file.startsWith(`${folder}${path.sep}`))
  }

  function find(within: string[], name: string, left?: Set<string>): string | undefined {
    for (const folder of within) {
      const file = path.join(folder, `${name}.ejs`)
      if (!left?.has(file) && !ignores(file) && isThere(file)) return file
    }
    return undefined
  }

  function isThere(file: string): boolean {
    const known = cache ? there.get(file) : undefined
    const answer = known ?? existsSync(file)
    there.set(file, answer)
    return answer
  }

  function templateOf(file: string): Template {
    const known = cache ? kept.get(file) : undefined
    const template = known ?? ejs.compile(readFileSync(file, 'utf8'), { filename: file })
    kept.set(file, template)
    return template
  }

  return { page }
}

type Template = (locals: Locals) => string

/** EJS writes the place into the message of what was thrown; of what does not compile it knows none. */
function lineOf(error: unknown, file: string): number | undefined {
  const [, line] = /^.*:(\d+)\n/.exec(error instanceof Error ? error.message : '') ?? []
  if (line !== undefined) return Number(line)
  try {
    return lineOfMistake(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** What was thrown, without the lines of the template that EJS puts before it and the advice that it puts after it. */
function plain(error: unknown): string {
  // EJS writes into what was thrown, which it can only into an object.
  if (!(error instanceof Error) || /'path'(?: on \w+ |\)$)/.test(error.message)) return 'it throws what is no error'
  const [before = ''] = error.message.split(/ in \S* ?while compiling ejs/)
  return before.split('\n\n').at(-1) ?? ''
}
