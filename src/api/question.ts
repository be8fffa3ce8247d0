// The page that asks, as others get it: our page's plain data in words and codes, without what only our form needs. Pure.
import type { AttributeOnPage, Message, PromptPage } from '../web/page.ts'
import type { Question } from './shapes.ts'

type Say = (message: Message) => string

/** The question of a page; `say` has the words. */
export function questionOf(page: PromptPage, kind: Question['page'], language: string, say: Say): Question {
  const { username, password, consent } = page
  return {
    page: kind,
    language,
    application: page.application,
    organization: page.organization,
    idp: page.idp,
    heading: say(page.heading),
    signedInAs: page.signedInAs,
    switchHref: page.switchHref,
    openUntil: page.openUntil.toISOString(),
    notice: page.form.notice,
    ...(page.changed ? { changed: sentence(page.changed, say) } : {}),
    username:
      username.kind === 'shown'
        ? username
        : {
            kind: 'asked',
            value: username.value,
            hints: username.hints.map(say),
            suggestions: username.suggestions,
            ...problem(username.problem, say),
          },
    ...(password ? { password: { min: password.min, again: password.again, ...problem(password.problem, say) } } : {}),
    ...(consent
      ? {
          consent: {
            ...(consent.privacyPolicyUrl === undefined ? {} : { privacyPolicyUrl: consent.privacyPolicyUrl }),
            purposes: consent.purposes.map(({ id, purpose, description, attributes }) => ({
              id,
              purpose,
              description,
              attributes: attributes.map((one) => attribute(one, say)),
            })),
          },
        }
      : {}),
    ...(page.change ? { change: page.change } : {}),
    actions: { create: say(page.actions.create), decline: say(page.actions.decline) },
    roles: page.roles,
  }
}

/** Everything that is wrong in a question, in its order, by the field that it is sent in; of ticks, by the value of the box. */
export function problemsIn({ username, password, consent }: Question): { field: string; code: string; text: string }[] {
  const attributes = consent?.purposes.flatMap((purpose) => purpose.attributes) ?? []
  return [
    { field: 'username', problem: username.kind === 'asked' ? username.problem : undefined },
    { field: 'password', problem: password?.problem },
    ...attributes.flatMap(({ box, input }) => [
      { field: box?.value ?? '', problem: box?.problem },
      { field: input?.name ?? '', problem: input?.problem },
    ]),
  ].flatMap(({ field, problem }) => (problem ? [{ field, ...problem }] : []))
}

type Attribute = NonNullable<Question['consent']>['purposes'][number]['attributes'][number]

function attribute({ label, needed, value, box, input }: AttributeOnPage, say: Say): Attribute {
  return {
    label: typeof label === 'string' ? label : say(label),
    needed,
    ...(value ? { value } : {}),
    ...(box
      ? {
          box: {
            value: box.value,
            ticked: box.ticked,
            ...problem(box.problem, say),
            ...(box.leftEmpty ? { leftEmpty: say(box.leftEmpty) } : {}),
          },
        }
      : {}),
    ...(input
      ? {
          input: {
            name: input.name,
            value: input.value,
            type: input.type,
            autocomplete: input.autocomplete,
            ...problem(input.problem, say),
          },
        }
      : {}),
  }
}

function sentence(message: Message, say: Say): { code: string; text: string } {
  return { code: message.key, text: say(message) }
}

function problem(message: Message | undefined, say: Say): { problem?: { code: string; text: string } } {
  return message ? { problem: sentence(message, say) } : {}
}
