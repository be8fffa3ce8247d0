// The shapes of the flow API, version 1: what each call takes and gives. docs/flow-api.md says what they mean; its examples are held to these.
import { z } from 'zod'

const key = z.string().regex(/^[\w-]{43}$/)
const code = z.string().min(1)
/** A sentence with its stable code. */
const sentence = z.strictObject({ code, text: z.string() })

export const QuestionRequest = z.strictObject({ key })

/** The fields of our form, by the same names. Others are ignored, as the form ignores them; `attribute.<name>` are looked at by the reader. */
export const AnswerRequest = z.looseObject({
  token: key,
  page: z.enum(['register', 'signup']).exactOptional(),
  do: z.enum(['create', 'decline']).default('create'),
  notice: z.string().default(''),
  username: z.string().exactOptional(),
  password: z.string().exactOptional(),
  consent: z.array(z.string()).default(() => []),
})

export const NameRequest = z.strictObject({ token: key, username: z.string() })

/** `profile` holds claims as the identity provider asserts them, verified; ours are made of them by its mappings. */
export const FlowRequest = z.strictObject({
  idp: z.string(),
  profile: z.looseObject({ iss: z.string(), sub: z.string() }),
  returnTo: z.string(),
  // Printable, so that it comes back in an address as it was. Long enough to be somebody's own (RFC 6749, 10.12).
  state: z.string().regex(/^[\x21-\x7e]{16,512}$/),
})
export const FlowResponse = z.strictObject({ location: z.url() })

export const OutcomeRequest = z.strictObject({ key })
export const OutcomeResponse = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('signed-in'), sub: z.uuid(), username: z.string(), isNew: z.boolean() }),
  z.strictObject({ outcome: z.literal('federated'), sub: z.string().startsWith('fed.') }),
  z.strictObject({ outcome: z.literal('declined') }),
  z.strictObject({ outcome: z.literal('refused'), code }),
])

const shown = z.union([
  z.strictObject({ kind: z.literal('text'), text: z.string() }),
  z.strictObject({ kind: z.literal('list'), items: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('date'), iso: z.string() }),
])
const attribute = z.strictObject({
  label: z.string(),
  needed: z.boolean(),
  value: shown.exactOptional(),
  /** `value` is what `consent` is sent with; `leftEmpty` what it means not to send it, where that is asked about a change. */
  box: z
    .strictObject({
      value: z.string(),
      ticked: z.boolean(),
      problem: sentence.exactOptional(),
      leftEmpty: z.string().exactOptional(),
    })
    .exactOptional(),
  /** A needed value that the identity provider did not send; `name` is the field. */
  input: z
    .strictObject({
      name: z.string(),
      value: z.string(),
      type: z.enum(['text', 'email', 'tel', 'date', 'url']),
      autocomplete: z.string(),
      problem: sentence.exactOptional(),
    })
    .exactOptional(),
})

/** What the page asks: what our own page shows, without what only ours needs. */
export const Question = z.strictObject({
  page: z.enum(['register', 'signup']),
  language: z.string(),
  application: z.string(),
  organization: z.string(),
  idp: z.string(),
  heading: z.string(),
  signedInAs: z.string(),
  switchHref: z.url(),
  openUntil: z.iso.datetime(),
  notice: z.string(),
  changed: sentence.exactOptional(),
  username: z.union([
    z.strictObject({
      kind: z.literal('asked'),
      value: z.string(),
      hints: z.array(z.string()),
      suggestions: z.array(z.string()),
      problem: sentence.exactOptional(),
    }),
    /** `fixed`: an id that was made for the person, who cannot know it and is to be told. */
    z.strictObject({ kind: z.literal('shown'), value: z.string(), fixed: z.literal(true).exactOptional() }),
  ]),
  password: z.strictObject({ min: z.number(), again: z.boolean(), problem: sentence.exactOptional() }).exactOptional(),
  consent: z
    .strictObject({
      privacyPolicyUrl: z.url().exactOptional(),
      purposes: z.array(
        z.strictObject({
          id: z.string(),
          purpose: z.string(),
          description: z.string(),
          attributes: z.array(attribute),
        }),
      ),
    })
    .exactOptional(),
  /** Somebody who has an account is asked about a change of purposes, and can put it off until the end of a day. */
  change: z.strictObject({ mayPutOff: z.boolean(), until: z.iso.date().exactOptional() }).exactOptional(),
  /** What the two buttons say that send `create` and `decline`. */
  actions: z.strictObject({ create: z.string(), decline: z.string() }),
  roles: z.array(z.string()),
})
export type Question = z.output<typeof Question>

export const QuestionResponse = z.strictObject({ token: key, question: Question })
/** Where the browser goes on. */
export const ReturnResponse = z.strictObject({ returnTo: z.url() })
export const NameResponse = z.strictObject({
  available: z.boolean(),
  reason: code.nullable(),
  store: z.string().exactOptional(),
  username: z.string().exactOptional(),
})

/** RFC 9457. */
const problem = {
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  code,
  detail: z.string().exactOptional(),
}
export const ProblemResponse = z.strictObject({ ...problem, returnTo: z.url().exactOptional() })
/** 422: what is wrong, field by field, and the question to show again. */
export const AnswersWrongResponse = z.strictObject({
  ...problem,
  problems: z.array(z.strictObject({ field: z.string(), code, text: z.string() })),
  question: Question,
})
