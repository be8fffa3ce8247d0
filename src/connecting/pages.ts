// Builds the pages on which somebody connects an account that is here already. Pure.
import { createHash } from 'node:crypto'
import { calledOf } from '../provisioning/display-name.ts'
import type { Situation } from '../provisioning/facts.ts'
import { shown, whoIs } from '../provisioning/page.ts'
import { isLikeUniqueId } from '../provisioning/username.ts'
import { joinName } from '../stores/name.ts'
import type { ConnectPage, DifferenceOnPage, DifferencesPage, ExistsPage, Message } from '../web/page.ts'
import type { Difference } from './differences.ts'
import type { Proven, Standing } from './standing.ts'

export interface PageContext {
  action: string
  csrf: string
  /** Addresses: one that keeps the page open, one for somebody who is somebody else, and the one to go back to. */
  stay: string
  switchHref: string
  backHref: string
}

/** The question whether an account is theirs. `answer` was given and is kept; `problem` is what is wrong with it. */
export function existsPage(standing: Standing, context: PageContext, answer = '', problem?: Message): ExistsPage {
  const { situation } = standing
  const email = String(situation.profile.attributes['email']?.value ?? '')
  return {
    ...common(standing, context, { key: 'exists.title' }),
    problems: problem ? [{ field: 'connect', message: problem }] : [],
    form: formOf(standing, context),
    email,
    separate: separateHint(situation, email),
    ...(answer === '' ? {} : { answer }),
  }
}

/** What the mode makes of somebody who wants a separate account. A name that is the address itself is a use of it. */
function separateHint({ idp, suggested }: Situation, email: string): Message {
  if (idp.scheme !== 'PROVISION_SILENTLY') return { key: 'exists.separate.asked' }
  const isNamed = suggested.kind === 'ok' && suggested.username.toLowerCase() === email.toLowerCase()
  return isNamed
    ? { key: 'exists.separate.named', values: { name: suggested.name } }
    : { key: 'exists.separate.silent' }
}

/** The sign-in to the account. `problem` stands at the name, whatever was wrong. */
export function connectPage(
  standing: Standing,
  context: PageContext,
  form: Pick<ConnectPage, 'username' | 'hints' | 'idps'>,
  problem?: Message,
): ConnectPage {
  return {
    ...common(standing, context, { key: 'connect.title' }),
    problems: problem ? [{ field: 'username', message: problem }] : [],
    form: formOf(standing, context),
    ...form,
    backHref: context.backHref,
  }
}

/** The last page, with both accounts by name. `ticked`: the attributes to replace. */
export function differencesPage(
  proven: Proven,
  differences: Difference[],
  context: PageContext,
  { ticked = new Set(), isChanged = false }: { ticked?: ReadonlySet<string>; isChanged?: boolean } = {},
): DifferencesPage {
  const { situation, means, proof } = proven
  return {
    ...common(proven, context, { key: 'differences.heading', values: { idp: situation.idp.displayName } }),
    problems: [],
    ...(isChanged ? { changed: { key: 'CHANGED' } } : {}),
    form: { ...formOf(proven, context), notice: hashOf(proof.userId, situation, differences) },
    username: isLikeUniqueId(means.username) ? calledOf(means) : joinName(means.store, means.username),
    rows: rowsOf(situation, differences, ticked),
    backHref: context.backHref,
  }
}

/** The rows of a page that shows differences. `ticked`: the attributes to replace. */
export function rowsOf(
  situation: Pick<Situation, 'label' | 'labelLanguage'>,
  differences: Difference[],
  ticked: ReadonlySet<string> = new Set(),
): DifferenceOnPage[] {
  return differences.map(({ name, kept, sent, isAgreed, purposes }) => {
    const lang = situation.labelLanguage(name)
    return {
      id: `replace-${name}`,
      value: name,
      ticked: ticked.has(name),
      label: situation.label(name),
      ...(lang === undefined ? {} : { lang }),
      ...(kept ? { now: shown(kept.value) } : {}),
      sent: shown(sent.value),
      isAgreed,
      purposes: purposes.map(({ purpose, language }) => ({ purpose, ...(language ? { lang: language } : {}) })),
    }
  })
}

/** Of whose account it is, of what is shown of it, and of the words that it is kept for. */
export function hashOf(userId: string, { notice }: Pick<Situation, 'notice'>, differences: Difference[]): string {
  return createHash('sha256')
    .update(JSON.stringify([userId, notice.hash, differences]))
    .digest('base64url')
}

function common({ flow, situation }: Standing, { switchHref }: PageContext, heading: Message) {
  return {
    application: situation.application.name,
    idp: situation.idp.displayName,
    heading,
    signedInAs: whoIs(situation),
    switchHref,
    openUntil: flow.expiresAt,
  }
}

function formOf({ flow }: Standing, { action, csrf, stay }: PageContext) {
  return { action, csrf, sessionDataKey: flow.id, stay }
}
