// The kinds of value that a configuration file has, each with what is said of one that does not fit.
import { z } from 'zod'
import { didYouMean } from './config-faults.ts'

// A message of the schema is its problem and its example, one line each.
export const say = (problem: string, example: string) => `${problem}\n${example}`

export const expected =
  (kind: string, example: string) =>
  ({ input }: { input?: unknown }) =>
    say(input === undefined ? 'is missing' : input === null ? 'is empty' : `must be ${kind}`, example)

export const text = (problem: string, example: string, fits: (value: string) => boolean) =>
  z.string({ error: expected('text, in quotes', example) }).refine(fits, { error: say(problem, example) })

export const line = (max: number, example: string) =>
  text(`must be 1 to ${max} characters`, example, (value) => value.trim() !== '' && [...value].length <= max)

export const printable = (min: number, max: number, example: string) =>
  text(`must be ${min} to ${max} printable characters`, example, (value) => {
    return /^[\x20-\x7e]+$/.test(value) && value.trim() !== '' && value.length >= min && value.length <= max
  })

export const list = <Item extends z.core.SomeType>(item: Item, example: string) =>
  z.array(item, { error: expected('a list', example) })

export const flag = (fallback: boolean) =>
  z
    .preprocess(
      (value) => (value === 'true' ? true : value === 'false' ? false : value),
      z.boolean({ error: expected('true or false', String(fallback)) }),
    )
    .default(fallback)

export const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  z.enum(values, {
    error: ({ input }) => say(`must be one of ${values.join(', ')}${didYouMean(input, values)}`, values[0]),
  })

// The message of an unknown key carries the known ones, for did-you-mean.
export const group = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? Object.keys(shape).join(' ')
        : expected('a map of keys', `{ ${Object.keys(shape)[0]}: … }`)(issue),
  })

/** What another text of the file reads in other languages, by tag (BCP 47); `text` is what each has to be. */
export const translations = <Text extends z.core.SomeType>(text: Text, example: string) =>
  z.record(z.string(), text, { error: expected('a map of languages', example) }).superRefine((given, context) => {
    for (const tag of Object.keys(given)) {
      const written = canonicalTag(tag)
      const refuse = (problem: string) =>
        context.addIssue({ code: 'custom', message: say(problem, example), path: [tag] })
      if (written === undefined) refuse('is not the tag of a language')
      else if (written !== tag) refuse(`is written ${written}`)
    }
  })

/** How the tag of a language is written that people speak (CLDR knows its name); `german` and `xx` are well-formed, and none. */
function canonicalTag(tag: string): string | undefined {
  try {
    const [written = ''] = Intl.getCanonicalLocales(tag)
    return new Intl.DisplayNames('en', { type: 'language', fallback: 'none' }).of(written) && written
  } catch {
    return undefined
  }
}
