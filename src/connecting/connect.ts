// Connects an idp to a user who is here already, as the person answered: what they ticked is taken over, with their consent on record, and nothing else.
import { type Connected, type Connection, connectPerson } from '../db/connect-person.ts'
import { currentConsents } from '../db/consents.ts'
import { keepersOf } from '../db/read-only.ts'
import { listUserAttributes } from '../db/user-attributes.ts'
import type { House } from '../house.ts'
import type { Situation } from '../provisioning/facts.ts'
import { grantedRoles } from '../provisioning/roles.ts'
import type { Arrived } from '../provisioning/settle.ts'
import { answeredBy, answersIn, type Difference, differencesOf } from './differences.ts'
import { hashOf } from './pages.ts'

/** What a person answered on the page of differences, and what the two doors have of their own. */
export interface Answer extends Pick<Connection, 'ending' | 'proves' | 'verdict'> {
  userId: string
  /** The names of the attributes that they ticked. */
  ticked: ReadonlySet<string>
  /** The hash of what they saw (`hashOf`). */
  notice: string
  at: Connection['consent']['at']
}

/**
 * Ends the flow and makes the person whom it brought a way in of the user. Who they are is the sealed profile's word and no form's. What came of it
 * when it is not `connected`: nothing has happened, and the flow is as it was.
 */
export async function connectIdentity(
  house: House,
  flow: Arrived,
  situation: Situation,
  { userId, ticked, notice, at, ...door }: Answer,
): Promise<Connected> {
  const { idp, profile } = situation
  const outcome = await connectPerson(house, {
    ...door,
    flowId: flow.id,
    userId,
    person: { idpId: idp.id, issuer: profile.issuer, subject: profile.subject },
    choose: (kept) => {
      const differences = differencesOf(situation, kept)
      // The account, a value or a word is another by now: nothing is replaced that nobody has seen.
      if (hashOf(userId, situation, differences) !== notice) return undefined
      const chosen = differences.filter(({ name }) => ticked.has(name))
      return {
        attributes: chosen.map(({ sent }) => sent),
        records: answersIn(chosen, kept.consents),
        answered: answeredBy(chosen),
      }
    },
    roles: grantedRoles(profile, idp),
    consent: { notice: situation.notice, at },
    language: flow.language,
  })
  if (outcome !== 'connected') return outcome
  house.metrics.flow('connected', flow.labels)
  house.log.info({ flow: flow.tag, idp: idp.name }, 'connected')
  return outcome
}

/** What differs now, for the page. */
export async function readDifferences(house: House, situation: Situation, userId: string): Promise<Difference[]> {
  const [stored, consents, keepers] = await Promise.all([
    listUserAttributes(house.db, userId),
    currentConsents(house.db, userId),
    keepersOf(house.db, userId),
  ])
  return differencesOf(situation, { stored, consents, keepers })
}
