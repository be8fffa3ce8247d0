// What an identity provider says, as lines to read and to compare. Pure.
import type { Mode } from '../db/audit.ts'
import { type IdpForm, type Pair, scopesIn } from './idp-form.ts'
import { ASSOCIATE, MODE_LABELS, SYNC_METHODS } from './idp-words.ts'

interface Fact {
  label: string
  /** One line each. */
  lines: string[]
}

export function factsOf(form: IdpForm): Fact[] {
  const isOn = form.provisioning === 'always'
  const fact = (label: string, ...lines: string[]): Fact => ({ label, lines: lines.filter((line) => line !== '') })
  return [
    fact('Display name', form.displayName),
    fact('State', form.isEnabled ? 'On' : 'Off'),
    fact('Issuer', form.issuer),
    fact('Client ID', form.clientId),
    fact('Scopes', scopesIn(form.scopes).join(' ')),
    fact('Username claim', form.username),
    fact('Attributes', ...linesOf(form.mappings, ({ ours, theirs }) => `${ours}: ${theirs}`)),
    fact('Roles claim', form.roles),
    fact('Roles', ...linesOf(form.roleMappings, ({ ours, theirs }) => `${theirs}: ${ours}`)),
    fact('Provisioning', isOn ? 'Always provision to User Store Domain' : MODE_LABELS.NONE),
    fact('User Store Domain', form.userstore),
    fact('Prompt', MODE_LABELS[form.scheme as Mode] ?? form.scheme),
    fact(ASSOCIATE.label, form.associates ? 'Yes, after they prove it' : 'No'),
    fact('Later sign-ins', SYNC_METHODS.find(([method]) => method === form.sync)?.[1] ?? form.sync),
  ]
}

function linesOf(pairs: Pair[], line: (pair: Pair) => string): string[] {
  return pairs
    .filter(({ ours, theirs }) => ours !== '' || theirs !== '')
    .map(line)
    .sort()
}

/** Where two forms say different things: both sides as texts of several lines. */
export function compareForms(theirs: IdpForm, yours: IdpForm): { label: string; theirs: string; yours: string }[] {
  const others = factsOf(theirs)
  return factsOf(yours).flatMap(({ label, lines }, index) => {
    const [one, other] = [others[index]?.lines.join('\n') ?? '', lines.join('\n')]
    return one === other ? [] : [{ label, theirs: one, yours: other }]
  })
}
