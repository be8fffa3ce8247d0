// The door of My Account: a flow that began there ends in a session there.
import type { IncomingMessage } from 'node:http'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { leaveInto } from '../db/flows.ts'
import { isSessionThere, newSession, removeSessionById } from '../db/sessions.ts'
import { isUserGone } from '../db/users.ts'
import type { House } from '../house.ts'
import { cookieName, cookiesOf } from '../web/cookies.ts'
import { idInCookie, type Sessions } from '../web/session.ts'
import { signedInThereAt } from './auth-time.ts'
import type { WayOut } from './doors.ts'

/** Where people are who are not signed in there, and are asked for nothing. */
export const SIGNED_OUT = `${MY_ACCOUNT_HOME}/signed-out`

/** The cookie of that session, without its prefix. */
export const ACCOUNT_COOKIE = 'vestibule.account'

/** The session of somebody who is signed in to My Account. */
export interface AccountSession {
  userId: string
  /** When the sign-in was, and when the person last proved who they are, in milliseconds since 1970. */
  begunAt: number
  provedAt: number
  /** When a second factor was shown, if one was. */
  factorAt?: number
  /** By which idp; absent: by password. */
  idpId?: string
}

export function createAccountDoor(house: House, sessions: Sessions): WayOut {
  return {
    async leaveBy(req, res, flow) {
      const { id, door, ending, endedAt, isLeft } = flow
      if (door.kind !== 'my-account' || !ending) return undefined
      if (ending.kind !== 'signed-in') return SIGNED_OUT
      // Signed in already, they came for something else: this opens nothing.
      if (door.intent !== 'enter') return MY_ACCOUNT_HOME
      // Once: whoever finds the browser after a sign-out must not come in by an old address.
      if (isLeft) return undefined
      // Whoever was signed out everywhere since then does not come in by being led out late.
      const then = (endedAt ?? house.now()).getTime()
      // An idp that signs people in without asking them, as it may here, proves who they were when it last asked; if it does not say when, nothing.
      const provedAt = ending.idpId === undefined ? then : (signedInThereAt(flow) ?? 0)
      const session: AccountSession = {
        userId: ending.userId,
        begunAt: then,
        provedAt,
        ...(ending.factor ? { factorAt: then } : {}),
      }
      try {
        const data = { ...session, ...(ending.idpId ? { idpId: ending.idpId } : {}) }
        const lead = (sid: string, kept: Record<string, unknown>) =>
          leaveInto(house.db, id, newSession(sid, kept, house.now()))
        return (await sessions.enter(req, res, data, lead)) ? door.to : undefined
      } catch (error) {
        // Deleted, or closed elsewhere, since it was looked at whether they may come in.
        if (isUserGone(error)) return SIGNED_OUT
        throw error
      }
    },
    isOpen: async ({ isLeft }) => !isLeft,
    // It waits for nothing that could run out before the flow does.
    stay: async () => true,
  }
}

/**
 * Ends the session in My Account of a browser that signs out at an application, whosever it is: nothing stays open for whoever sits down next. Whoever
 * can name it may end it.
 */
export async function leaveMyAccount(house: Pick<House, 'db' | 'publicUrl'>, req: IncomingMessage): Promise<void> {
  for (const id of idsIn(house, req)) await removeSessionById(house.db, 'account_sessions', id)
}

/** Whether this browser is signed in to My Account, as far as its cookie says. */
export async function isInMyAccount(
  house: Pick<House, 'db' | 'publicUrl' | 'now'>,
  req: IncomingMessage,
): Promise<boolean> {
  for (const id of idsIn(house, req))
    if (await isSessionThere(house.db, 'account_sessions', id, house.now())) return true
  return false
}

function idsIn({ publicUrl }: Pick<House, 'publicUrl'>, req: IncomingMessage): string[] {
  const name = cookieName(publicUrl, ACCOUNT_COOKIE)
  return cookiesOf(req).flatMap(([cookie, value]) => (cookie === name ? (idInCookie(value) ?? []) : []))
}
