// Gathers what a decision and a page need to know, by reading; changes nothing.
import type { Application } from '../db/applications.ts'
import { acceptsIdp } from '../db/applications.ts'
import type { Arrived, Known } from '../db/arrivals.ts'
import { lookAtArrival } from '../db/arrivals.ts'
import { applicationIn, idpIn } from '../db/configured.ts'
import type { Person } from '../db/identities.ts'
import type { Idp } from '../db/idps.ts'
import type { Organization } from '../db/installation.ts'
import { isRequired } from '../factors/need.ts'
import type { Flow } from '../flow.ts'
import type { House } from '../house.ts'
import type { Profile } from '../login/profile.ts'
import type { Configured } from '../settings/configured.ts'
import { PageError } from '../web/errors.ts'
import type { Message } from '../web/page.ts'
import type { Notice } from './consent.ts'
import { effectivePurposes, missingAttributes, noticeOf } from './consent.ts'
import { asksConsent, type Facts } from './decide.ts'
import { federatedUniqueId } from './federated-name.ts'
import { whatToAskAgain } from './known.ts'
import { mayBeKnown } from './offer.ts'
import type { NameReading, Places } from './place.ts'
import { readName, uniqueIdName } from './place.ts'
import { onlyAsked } from './reask.ts'
import { factorStep } from './second-factor.ts'
import { wantedNames } from './taken.ts'
import { nameIn, purposeIn, type SpokenPurpose } from './translations.ts'

/** Everything about one profile, now. */
export interface Situation {
  /** What the idp sent; where somebody who is known is asked again, with what is kept of them. */
  profile: Profile
  idp: Idp
  application: Application
  organization: Organization
  purposes: SpokenPurpose[]
  /** `purposes` in the words that people see. Of somebody who is asked again, those that changed, and of these what is asked. */
  notice: Notice
  /** What people call an attribute: the operator's words for a custom one, ours for a standard claim. */
  label: (attribute: string) => string
  /** The language of that, where it is not the page's. */
  labelLanguage: (attribute: string) => string | undefined
  identity: Known | undefined
  /** Where names of this idp may go. */
  places: Places
  suggested: NameReading
  /** Of the suggested and the typed name, by key, those that somebody has, or that look like somebody's. */
  taken: ReadonlySet<string>
  facts: Facts
}

/** Where a person has come from and where to, whether they really came (a flow) or are only thought of (rehearse.ts). */
export interface Arrival {
  idp: Idp
  application: Application
  /** The language of the pages (BCP 47). */
  language: string
  wasAsked: boolean
  /** They said that none of the users who keep their address is theirs. */
  isApart?: boolean
  /** Whose second factor was shown. */
  factorUserId?: string | undefined
  /** Of somebody who really came. */
  flowId?: string
}

/** How often what is configured may change under one look, each time a moment before it: then it is as it was at that moment. */
const LOOKS = 3

/**
 * Reads the situation of a flow that has come back with a profile; `typed` is the name that the person typed, if they did.
 * Throws the page for a flow whose idp or application was deleted under it.
 */
export function gather(house: House, flow: Flow, profile: Profile, typed = ''): Promise<Situation> {
  const { id: flowId, language, wasAsked, isApart, factorUserId } = flow
  const arrivalIn = (configured: Configured): Arrival => {
    const idp = idpIn(configured, flow.idpId)
    const application = applicationIn(configured, flow.door.applicationId)
    if (!idp || !application) throw new PageError(404, 'notfound')
    return { idp, application, language, wasAsked, isApart, factorUserId, flowId }
  }
  return look(house, flow.configured, arrivalIn, profile, typed)
}

/** Reads the situation of a person who arrives like this. */
export async function situationFor(house: House, arrival: Arrival, profile: Profile): Promise<Situation> {
  return look(house, await house.configured.now(), () => arrival, profile, '')
}

/** Looks at the person, again where something else was configured by then. */
async function look(
  house: House,
  believed: Configured,
  arrivalIn: (configured: Configured) => Arrival,
  profile: Profile,
  typed: string,
): Promise<Situation> {
  let configured = believed
  for (let looks = 1; ; looks += 1) {
    const arrival = arrivalIn(configured)
    const person = { idpId: arrival.idp.id, issuer: profile.issuer, subject: profile.subject }
    const { userstore } = arrival.idp
    const places: Places = { userstore, stores: configured.stores, ...house.settings().names }
    const suggestions = house.settings().enhanced.isOn
      ? uniqueIdsOf(house, person, arrival).map((id) => uniqueIdName(id, places))
      : [readName(profile.suggestedUsername, places, 'claimed')]
    const wanted = wantedNames([...suggestions, readName(typed, places, 'typed')])
    const arrived = await lookAtArrival(house.db, person, wanted)
    if (arrived.configured === configured.version || looks === LOOKS)
      return situationOf(house, { configured, arrival, arrived, places, suggestions }, profile)
    configured = await house.configured.at(arrived.configured)
  }
}

/** What a look found, and by what it looked. */
interface Look {
  configured: Configured
  arrival: Arrival
  arrived: Arrived
  places: Places
  suggestions: NameReading[]
}

async function situationOf(
  house: House,
  { configured, arrival, arrived, places, suggestions }: Look,
  profile: Profile,
): Promise<Situation> {
  const { idp, application, language } = arrival
  const { organization, purposes: known, attributes: custom } = configured
  const { identity, isLocked: isIdentityLocked, taken } = arrived
  const isFixed = house.settings().enhanced.isOn
  const step =
    identity && (await factorStep(house, identity.userId, { application, idp, shownBy: arrival.factorUserId }))
  const isOffered = !identity && !arrival.isApart && (await mayBeKnown(house.db, idp, profile))
  const t = (message: Message) => house.views.t(message, language)
  const spoken = known.map((purpose) => purposeIn(language, purpose))
  const again =
    identity && asksConsent(idp)
      ? await whatToAskAgain(house, identity.userId, { idp, profile, purposes: known, controller: organization })
      : undefined
  const purposes = again
    ? onlyAsked(spoken, again.asked)
    : effectivePurposes(spoken, profile, {
        purpose: t({ key: 'consent.default.purpose' }),
        description: t({ key: 'consent.default.description', values: { org: organization.name } }),
      })
  const shown = again?.profile ?? profile
  const named = (attribute: string) => {
    const names = custom.get(attribute)
    return names ? nameIn(language, names) : { name: t({ key: `attribute.${attribute}` }) }
  }
  const label = (attribute: string) => named(attribute).name
  const isTaken = (name: NameReading) => name.kind === 'ok' && taken.has(name.key)
  const suggested = suggestions.find((name) => !isTaken(name)) ?? (suggestions[0] as NameReading)
  return {
    profile: shown,
    idp,
    application,
    organization,
    purposes,
    notice: noticeOf(purposes, organization, language, label),
    label,
    labelLanguage: (attribute) => named(attribute).language,
    identity,
    places,
    suggested,
    taken,
    facts: {
      idp: {
        isEnabled: idp.isEnabled,
        isAccepted: application.isEnabled && acceptsIdp(application, idp.name),
        jitEnabled: idp.jitEnabled,
        scheme: idp.scheme,
      },
      requireLocalUser: application.requireLocalUser,
      ...(isRequired(house.settings().enhanced, application, idp) ? { requireSecondFactor: true as const } : {}),
      wasAsked: arrival.wasAsked,
      ...(isIdentityLocked ? { isIdentityLocked } : {}),
      ...(identity
        ? {
            user: {
              id: identity.userId,
              isLocked: identity.isLocked,
              ...askedAgainFact(purposes),
              ...(step ? { secondFactor: step } : {}),
            },
          }
        : {}),
      username: isFixed ? 'fixed' : suggested.kind === 'problem' ? 'refused' : isTaken(suggested) ? 'taken' : 'free',
      missingAttributes: missingAttributes(purposes, shown),
      ...(isOffered ? { mayBeKnown: true } : {}),
    },
  }
}

/**
 * The federated unique id of a person, and another of this sign-in's own. The second is for whoever disconnected the idp from their user, who
 * keeps the name, and comes as somebody new: nobody else has it, as nobody can choose it.
 */
function uniqueIdsOf({ salt }: House, person: Person, { flowId = '' }: Arrival): string[] {
  return [federatedUniqueId(salt, person), federatedUniqueId(salt, person, `flow ${flowId}`)]
}

function askedAgainFact(purposes: SpokenPurpose[]): Pick<NonNullable<Facts['user']>, 'askedAgain'> {
  const again = purposes.filter((purpose) => purpose.again !== undefined)
  if (again.length === 0) return {}
  return { askedAgain: { purposes: again.map(({ id }) => id), isDue: again.some((one) => one.again === 'due') } }
}
