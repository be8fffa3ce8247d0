// The contract with whoever writes templates: what each page is given, as a schema. Held equal to page.ts by the compiler. Law: nothing is taken away or narrowed without raising CONTRACT.
import { z } from 'zod'
import type { Pages, ViewName } from './views.ts'

/** The version that a theme names in its theme.json. */
export const CONTRACT = 1

const text = z.string()
const message = z
  .strictObject({
    key: text,
    values: z.exactOptional(z.record(text, z.union([text, z.number(), z.array(text)]))),
    sentence: z.exactOptional(text),
  })
  .meta({ id: 'Message' })
const perhaps = z.exactOptional
const problem = z.strictObject({ field: text, message }).meta({ id: 'Problem' })
const shownValue = z
  .union([
    z.strictObject({ kind: z.literal('text'), text }),
    z.strictObject({ kind: z.literal('list'), items: z.array(text) }),
    z.strictObject({ kind: z.literal('date'), iso: text }),
  ])
  .meta({ id: 'ShownValue' })

const attribute = z
  .strictObject({
    id: text,
    lang: perhaps(text),
    label: z.union([message, text]),
    needed: z.boolean(),
    value: perhaps(shownValue),
    box: perhaps(
      z.strictObject({ value: text, ticked: z.boolean(), problem: perhaps(message), leftEmpty: perhaps(message) }),
    ),
    input: perhaps(
      z.strictObject({
        id: text,
        name: text,
        value: text,
        type: z.enum(['text', 'email', 'tel', 'date', 'url']),
        autocomplete: text,
        problem: perhaps(message),
      }),
    ),
  })
  .meta({ id: 'AttributeOnPage' })

const promptPage = z
  .strictObject({
    application: text,
    organization: text,
    idp: text,
    heading: message,
    signedInAs: text,
    switchHref: text,
    connectHref: perhaps(text),
    openUntil: z.date(),
    form: z.strictObject({ action: text, csrf: text, sessionDataKey: text, notice: text, memory: text, stay: text }),
    problems: z.array(problem),

    username: z.union([
      z.strictObject({
        kind: z.literal('asked'),
        value: text,
        problem: perhaps(message),
        suggestions: z.array(text),
        status: text,
        hints: z.array(message),
      }),
      z.strictObject({ kind: z.literal('shown'), value: text, fixed: perhaps(z.literal(true)) }),
    ]),
    password: perhaps(z.strictObject({ min: z.number(), problem: perhaps(message), again: z.boolean() })),
    consent: perhaps(
      z.strictObject({
        privacyPolicyUrl: perhaps(text),
        purposes: z.array(
          z.strictObject({
            id: text,
            lang: perhaps(text),
            purpose: text,
            description: text,
            attributes: z.array(attribute),
          }),
        ),
      }),
    ),
    changed: perhaps(message),
    change: perhaps(z.strictObject({ mayPutOff: z.boolean(), until: perhaps(text) })),
    actions: z.strictObject({ create: message, decline: message }),
    roles: z.array(text),
  })
  .meta({ id: 'PromptPage' })

const connectingForm = { action: text, csrf: text, sessionDataKey: text, stay: text }
const connectingPage = {
  application: text,
  idp: text,
  heading: message,
  signedInAs: text,
  switchHref: text,
  openUntil: z.date(),
  changed: perhaps(message),
  problems: z.array(problem),
}

/** Which view is given what. */
export const contract = {
  register: promptPage,
  signup: promptPage,
  login: z.strictObject({
    application: text,
    idps: z.array(z.strictObject({ displayName: text, href: text })),
    local: z.strictObject({
      action: text,
      csrf: text,
      sessionDataKey: text,
      username: text,
      hints: z.array(message),
      problems: z.array(problem),
    }),
  }),
  exists: z.strictObject({
    ...connectingPage,
    form: z.strictObject(connectingForm),
    email: text,
    separate: message,
    answer: perhaps(text),
  }),
  connect: z.strictObject({
    ...connectingPage,
    form: z.strictObject(connectingForm),
    username: text,
    hints: z.array(message),
    idps: z.array(z.strictObject({ displayName: text, href: text })),
    backHref: text,
  }),
  differences: z.strictObject({
    ...connectingPage,
    form: z.strictObject({ ...connectingForm, notice: text }),
    username: text,
    rows: z.array(
      z
        .strictObject({
          id: text,
          value: text,
          ticked: z.boolean(),
          label: z.union([message, text]),
          lang: perhaps(text),
          now: perhaps(shownValue),
          sent: shownValue,
          isAgreed: z.boolean(),
          purposes: z.array(z.strictObject({ purpose: text, lang: perhaps(text) })),
        })
        .meta({ id: 'DifferenceOnPage' }),
    ),
    backHref: text,
  }),
  'second-factor': z.strictObject({
    application: text,
    heading: message,
    lead: z.array(message),
    openUntil: z.date(),
    problems: z.array(problem),
    form: z.strictObject({ action: text, csrf: text, sessionDataKey: text, stay: text }),
    app: perhaps(z.strictObject({ size: z.number(), path: text, secret: text })),
    code: perhaps(z.strictObject({ label: message, isNumber: z.boolean() })),
    send: perhaps(message),
    others: z.array(z.strictObject({ label: message, href: text })),
    lost: perhaps(message),
  }),
  'backup-codes': z.strictObject({ application: text, codes: z.array(text), href: text }),
  message: z.strictObject({
    title: message,
    body: z.array(message),
    actions: z.array(z.strictObject({ label: message, href: text })),
    reference: perhaps(text),
  }),
  continue: z.strictObject({ application: text, href: text }),
  logout: z.strictObject({ application: perhaps(text), action: text, xsrf: text }),
} satisfies { [V in ViewName]: z.ZodType<Pages[V]> }

/** Mutual assignability would not see an optional field that only one of them has. */
type Fields<T> = T extends Date | string | number | boolean | undefined
  ? T
  : T extends (infer Item)[]
    ? Fields<Item>[]
    : { [K in keyof T]-?: [Fields<Exclude<T[K], undefined>>, undefined extends T[K] ? 'optional' : 'needed'] }
type Exactly<A, B> = [Fields<A>, Fields<B>] extends [Fields<B>, Fields<A>] ? true : false
type Wrong = { [V in ViewName]: Exactly<z.infer<(typeof contract)[V]>, Pages[V]> extends true ? never : V }[ViewName]
// A field that page.ts has and the schema has not would be read in development as one that is not there.
true satisfies [Wrong] extends [never] ? true : Wrong

/** The contract as a JSON Schema (draft 2020-12): one definition for each view, and those that they share. */
export function contractSchema(): Schema {
  const views = z.strictObject(contract).meta({ title: `What templates are given, contract ${CONTRACT}` })
  return z.toJSONSchema(views, {
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema._zod.def.type === 'date') jsonSchema.description = 'a Date'
    },
  }) as Schema
}

/** The part of JSON Schema that the contract is written in. */
export interface Schema {
  $ref?: string
  $defs?: Record<string, Schema>
  type?: string | string[]
  const?: string
  enum?: string[]
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  anyOf?: Schema[]
}

let schema: Schema | undefined

/**
 * The page of a view as templates are given it in development: frozen, and reading what the contract does not name throws an error that
 * names it, since in production it would silently be nothing.
 */
export function guarded<V extends ViewName>(view: V, page: Pages[V]): Pages[V] {
  schema ??= contractSchema()
  const { [view]: own } = schema.properties ?? {}
  return guard(page, own ? kindsOf(own) : [], 'page') as Pages[V]
}

function guard(value: unknown, kinds: Schema[], path: string): unknown {
  // A Date works only as itself.
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const isList = Array.isArray(value)
  const fields = kinds.flatMap(({ properties }) => Object.entries(properties ?? {}))
  const isOpen = isList || kinds.length === 0 || kinds.some((kind) => typeof kind.additionalProperties === 'object')
  const refuse = () => {
    throw new TypeError(`${path} cannot be changed`)
  }
  return new Proxy(value, {
    get(target, name) {
      const inner: unknown = Reflect.get(target, name)
      if (typeof name === 'symbol' || name in Object.prototype || name === 'toJSON') return inner
      if (isList) {
        const items = kinds.flatMap((kind) => (kind.items ? kindsOf(kind.items) : []))
        return /^\d+$/.test(name) ? guard(inner, items, `${path}[${name}]`) : inner
      }
      const known = fields.filter(([field]) => field === name)
      if (!isOpen && known.length === 0) throw new TypeError(`${path}.${name} is not in the contract ${CONTRACT}`)
      return guard(
        inner,
        known.flatMap(([, kind]) => kindsOf(kind)),
        `${path}.${name}`,
      )
    },
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
  })
}

/** What a schema may be: itself, or what it refers to, or each of its alternatives. */
function kindsOf(one: Schema): Schema[] {
  if (one.$ref !== undefined) return kindsOf(schema?.$defs?.[one.$ref.replace('#/$defs/', '')] ?? {})
  return one.anyOf ? one.anyOf.flatMap(kindsOf) : [one]
}
