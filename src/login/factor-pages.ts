// Builds the pages of the second factor. Pure.
import type { FactorStep, Factors, Way } from '../factors/need.ts'
import { inGroups, qrShape, totpAddress } from '../stores/totp.ts'
import type { Action, Message, SecondFactorPage } from '../web/page.ts'

/** A page: which way, and whether it is shown or set up. */
export interface Page {
  way: Way
  step: FactorStep
}

/** What a person can do about their second factor now. `address`: where codes can be sent. */
export interface Showing {
  step: FactorStep
  factors: Factors
  address: string | undefined
}

/** What each page is called, there and on the others. */
const WORDS: Record<FactorStep, Partial<Record<Way, { title: string; instead: string }>>> = {
  show: {
    totp: { title: 'factor.show.totp.title', instead: 'factor.show.totp.instead' },
    email: { title: 'factor.show.email.title', instead: 'factor.show.email.instead' },
    backup: { title: 'factor.show.backup.title', instead: 'factor.show.backup.instead' },
  },
  enrol: {
    totp: { title: 'factor.enrol.totp.title', instead: 'factor.enrol.totp.instead' },
    email: { title: 'factor.enrol.email.title', instead: 'factor.enrol.email.instead' },
  },
}

/** Whether somebody has business at a page. */
export function mayBeAt({ way, step }: Page, { factors, address, ...showing }: Showing): boolean {
  if (step !== showing.step) return false
  if (step === 'enrol') return way === 'totp' || (way === 'email' && address !== undefined)
  return way === 'backup' ? factors.backupCodes > 0 : factors.kinds.includes(way)
}

/** The page that they come to first. */
export function pageFor({ step, factors }: Showing): Page {
  if (step === 'enrol') return { way: 'totp', step }
  return { way: factors.kinds.includes('totp') ? 'totp' : 'email', step }
}

export interface FactorContext {
  application: string
  organization: string
  openUntil: Date
  form: SecondFactorPage['form']
  /** The address of another of these pages. */
  addressOf: (page: Page) => string
  /** Where somebody goes to sign in another way. */
  otherHref: string
  /** A code was sent that is still good. */
  isSent: boolean
  /** The address that codes go to, as it may be shown. */
  masked: string
  /** Of an app that is being set up. */
  app?: { secret: string; issuer: string; label: string }
  problem?: Message
}

export function factorPage(page: Page, showing: Showing, context: FactorContext): SecondFactorPage {
  const { application, openUntil, form, app, problem, isSent } = context
  const { way, step } = page
  const canType = way !== 'email' || isSent
  return {
    application,
    openUntil,
    heading: { key: WORDS[step][way]?.title ?? '' },
    lead: leadOf(page, context),
    problems: problem ? [{ field: canType ? 'code' : 'send', message: problem }] : [],
    form,
    ...(app ? { app: { ...qrShape(totpAddress(app.secret, app)), secret: inGroups(app.secret) } } : {}),
    ...(canType
      ? { code: { label: { key: way === 'backup' ? 'factor.backup' : 'factor.code' }, isNumber: way !== 'backup' } }
      : {}),
    ...(way === 'email' ? { send: { key: isSent ? 'factor.send.again' : 'factor.send' } } : {}),
    others: othersOf(page, showing, context),
    ...(step === 'show' ? { lost: { key: 'factor.lost' } } : {}),
  }
}

function leadOf({ way, step }: Page, { isSent, masked, organization }: FactorContext): Message[] {
  const values = { address: masked, org: organization }
  const why: Message[] = step === 'enrol' ? [{ key: 'factor.enrol.why', values }] : []
  if (way === 'email') return [...why, { key: isSent ? 'factor.email.sent' : 'factor.email.send', values }]
  if (step === 'enrol') return why
  return [{ key: way === 'backup' ? 'factor.show.backup.lead' : 'factor.show.totp.lead' }]
}

/** Other ways to show or set up one, and other ways to sign in; and whom to ask when none of them is left. */
function othersOf(page: Page, showing: Showing, { addressOf, otherHref }: FactorContext): Action[] {
  const ways: Way[] = ['totp', 'email', 'backup']
  const others = ways
    .filter((way) => way !== page.way)
    .map((way): Page => ({ way, step: page.step }))
    .filter((other) => mayBeAt(other, showing))
  return [
    ...others.map((other) => ({ label: { key: WORDS[other.step][other.way]?.instead ?? '' }, href: addressOf(other) })),
    { label: { key: 'action.other' }, href: otherHref },
  ]
}

/** Enough to know it again, and not enough to write to: a••••@acme.example. */
export function maskedAddress(address: string): string {
  const at = address.lastIndexOf('@')
  return `${[...address][0] ?? ''}••••${address.slice(at < 0 ? address.length : at)}`
}
