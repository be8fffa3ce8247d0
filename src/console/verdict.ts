// What a rehearsed sign-in comes to, in rows and sentences for a page: who, as what, why, and what would be kept of them.
import type { Idp } from '../db/idps.ts'
import { customAttributes } from '../db/purposes.ts'
import type { House } from '../house.ts'
import type { Rehearsed } from '../login/rehearse.ts'
import { isStandardAttribute } from '../provisioning/attributes.ts'
import { foretell } from '../provisioning/explain.ts'
import { MODE_LABELS } from './idp-words.ts'
import { textOf } from './user.ts'
import { USERS } from './users.ts'

type Rehearsal = Extract<Rehearsed, { kind: 'rehearsed' }>

interface Fact {
  label: string
  text: string
  tag?: string
  /** Where more is said. */
  href?: string
}

export interface Verdict {
  /** The decision and its reason. */
  sentence: string
  facts: Fact[]
  attributes: { label: string; value: string; checked: string; kept: string }[]
  roles: string[]
  warnings: string[]
  /** The page that would ask, and the operator's own that would in its place. */
  page?: { name: string; elsewhere?: string }
}

export async function verdictOf(house: House, idp: Idp, rehearsal: Rehearsal): Promise<Verdict> {
  const { application, facts, roles, warnings, page } = rehearsal
  const custom = await customAttributes(house.db)
  const labelOf = (name: string) =>
    isStandardAttribute(name)
      ? house.views.t({ key: `attribute.${name}` }, 'en')
      : (custom.get(name)?.displayName ?? name)
  return {
    sentence: foretell(facts, { idp: idp.displayName, application: application?.name ?? 'an application' }),
    facts: factsOf(idp, rehearsal),
    attributes: attributesOf(idp, rehearsal, labelOf),
    roles,
    warnings: warnings.map(({ sentence }) => sentence),
    ...(page
      ? { page: { name: `${page.view}.do`, ...(page.elsewhere === undefined ? {} : { elsewhere: page.elsewhere }) } }
      : {}),
  }
}

function factsOf(idp: Idp, rehearsal: Rehearsal): Fact[] {
  const { application, user, username } = rehearsal
  return [
    user
      ? {
          label: 'Person',
          text: 'Has a user here',
          ...(user.isLocked ? { tag: 'Locked' } : {}),
          href: `${USERS}/${user.id}`,
        }
      : { label: 'Person', text: 'Nobody knows them yet' },
    usernameOf(idp, rehearsal),
    ...(user || !idp.jitEnabled ? [] : [{ label: 'User store', text: username.store }]),
    { label: 'Just-In-Time Provisioning', text: MODE_LABELS[idp.jitEnabled ? idp.scheme : 'NONE'] },
    { label: 'Application', text: application?.name ?? 'None accepts these people yet' },
  ]
}

function usernameOf(idp: Idp, { user, username }: Rehearsal): Fact {
  const label = 'Username'
  if (user) return { label, text: 'Stays as it is' }
  if (!idp.jitEnabled) return { label, text: 'None: nothing about them is kept' }
  const tag = { free: 'Free', taken: 'Taken', refused: 'Against the rules', fixed: 'Federated unique id' }[
    username.state
  ]
  return { label, text: username.name ?? username.suggested, tag }
}

function attributesOf(idp: Idp, rehearsal: Rehearsal, labelOf: (name: string) => string): Verdict['attributes'] {
  const { attributes, facts, decision } = rehearsal
  const sent = Object.entries(attributes).map(([name, { value, verified }]) => ({
    label: labelOf(name),
    value: textOf(value),
    checked: verified === undefined ? '–' : verified ? 'Yes' : 'No',
    kept: keptOf(idp, rehearsal, name),
  }))
  const typed = decision.kind === 'ask' ? facts.missingAttributes : []
  const kept = 'Needed: the person has to type it'
  return [...sent, ...typed.map((name) => ({ label: labelOf(name), value: 'Not sent', checked: '–', kept }))]
}

/** Whether an attribute that was sent would be kept, and on what that hangs. */
function keptOf(idp: Idp, { user, decision, page }: Rehearsal, name: string): string {
  switch (decision.kind) {
    case 'create':
      return 'At once'
    case 'sign-in':
    case 'second-factor':
      return idp.attributeSyncMethod === 'NONE' ? 'Stays as it was' : 'Brought up to date, if it may be kept'
    case 'refuse':
      return user ? 'Stays as it was' : 'No'
    case 'sign-in-federated':
      return 'No'
    case 'offer':
      return 'Depends on whether they connect that user'
    case 'ask': {
      const asked = (page?.page.consent?.purposes ?? []).flatMap(({ id, attributes }) =>
        attributes.filter(({ box }) => box?.value === `${id}:${name}`),
      )
      if (asked.length === 0) return 'No: no purpose asks for it'
      return asked.some(({ needed }) => needed) ? 'Needed: without it there is no account' : 'If they agree'
    }
    default:
      return decision satisfies never
  }
}
