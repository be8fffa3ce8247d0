// The doors that flows come in by, and how a flow's row keeps, sealed, the one that it has to leave by.
import { MY_ACCOUNT } from './db/applications.ts'
import { type FlowRow, insertAccountFlow, insertFlow } from './db/flows.ts'
import { insertConnectingFlow } from './db/proofs.ts'
import type { House } from './house.ts'

/** The door a flow came in by, which is the only one it can leave by. */
export interface Door {
  kind: 'application'
  applicationId: string
  interactionUid: string
  /** The language that was asked for there (BCP 47): it holds for all pages of the flow, unless the person chooses another. */
  language?: string
  /** How old the sign-in at an idp may be that was asked for there, in seconds; absent: as old as it is. */
  maxAge?: number
}

/** The door of authentication flows elsewhere: they say where the browser goes back to, with which `state`. */
export interface ApiDoor {
  kind: 'flow-api'
  applicationId: string
  returnTo: string
  state: string
}

/**
 * The door of My Account, at which a person comes for themselves: to enter, or, signed in already, to prove once more who they are or to
 * connect another idp.
 */
export interface AccountDoor {
  kind: 'my-account'
  applicationId: typeof MY_ACCOUNT
  intent: 'enter' | 'prove' | 'connect'
  /** Who is signed in, unless they are about to enter. */
  userId?: string
  /** The path below /myaccount that they want to. */
  to: string
  /** What the session hashes to in which they began (account/connect.ts): in no other can they go on. */
  session?: string
}

/** The door of a sign-in that only proves whose user somebody is, for another flow of this browser, to which it leads back. */
export interface ConnectingDoor {
  kind: 'connecting'
  applicationId: string
  flowId: string
  language: string
}

export type AnyDoor = Door | ApiDoor | AccountDoor | ConnectingDoor

/** Whether a flow is of somebody who is signed in to My Account: it proves or connects, and never signs in nor makes a user. */
export function isInside({ door }: { door: AnyDoor }): boolean {
  return door.kind === 'my-account' && door.intent !== 'enter'
}

/** Inserts a flow of this browser's that begins at a door. */
export async function insertFlowAt(
  house: House,
  door: Door | AccountDoor | ConnectingDoor,
  flow: { id: string; binding: Buffer; createdAt: Date; expiresAt: Date },
): Promise<void> {
  const seal = (text: string) => house.keyring.seal(`flow door ${flow.id}`, text)
  if (door.kind === 'my-account') {
    const { intent, userId, to, session } = door
    await insertAccountFlow(house.db, { ...flow, doorSealed: seal(JSON.stringify({ intent, userId, to, session })) })
  } else if (door.kind === 'connecting') {
    const { applicationId, flowId, language } = door
    await insertConnectingFlow(house.db, {
      ...flow,
      applicationId,
      language,
      doorSealed: seal(JSON.stringify({ flowId })),
    })
  } else {
    const { applicationId, language = null, interactionUid, maxAge } = door
    const sealed = seal(maxAge === undefined ? interactionUid : `${interactionUid} ${maxAge}`)
    await insertFlow(house.db, { ...flow, applicationId, language, interactionUidSealed: sealed })
  }
}

/** The door of a row. Throws when its seal cannot be opened. */
export function doorOf(house: House, row: FlowRow): AnyDoor {
  const open = (sealed: Buffer | null) => house.keyring.unseal(`flow door ${row.id}`, sealed ?? Buffer.alloc(0))
  if (row.door === 'my-account' || row.application_id === null)
    return { kind: 'my-account', applicationId: MY_ACCOUNT, ...JSON.parse(open(row.door_sealed)) }
  const applicationId = row.application_id
  if (row.door === 'flow-api') return { kind: row.door, applicationId, ...JSON.parse(open(row.door_sealed)) }
  if (row.door === 'connecting')
    return { kind: row.door, applicationId, language: row.language ?? 'en', ...JSON.parse(open(row.door_sealed)) }
  const language = row.language === null ? {} : { language: row.language }
  // The second is missing where nothing was asked for, and in flows of earlier versions.
  const [interactionUid = '', maxAge] = open(row.interaction_uid_sealed).split(' ')
  const age = maxAge === undefined ? {} : { maxAge: Number(maxAge) }
  return { kind: row.door, applicationId, interactionUid, ...language, ...age }
}
