// When somebody signed in, as applications are told. An idp may have let them in without asking, and then that was long before they came here.
import type Provider from 'oidc-provider'
import type { Flow } from '../flow.ts'

/** Counted from when the idp said it, however long the person then took here. In milliseconds since 1970; undefined where it did not say. */
export function signedInThereAt(flow: Pick<Flow, 'ending' | 'profile' | 'calledBackAt'>): number | undefined {
  const { ending, profile, calledBackAt } = flow
  const ago = ending?.kind === 'signed-in' ? ending.signedInAgo : profile?.signedInAgo
  return ago === undefined || !calledBackAt ? undefined : calledBackAt.getTime() - Math.max(0, ago) * 1000
}

/** A session of the library's with a moment of ours, in seconds. `loginTs` stays when it began here: what ends sessions compares with that. */
interface TwoMoments {
  loginTs?: number | undefined
  signedInThereAt?: number | undefined
}

/** Has the library keep that moment in its sessions, tell it as `auth_time`, and count `max_age` from it. */
export function keepTwoMoments({ Session }: Provider): void {
  const { IN_PAYLOAD } = Session as unknown as { IN_PAYLOAD: string[] }
  Object.defineProperty(Session, 'IN_PAYLOAD', { value: [...IN_PAYLOAD, 'signedInThereAt'] })
  Object.assign(Session.prototype, {
    authTime(this: TwoMoments): number | undefined {
      return this.signedInThereAt ?? this.loginTs
    },
    past(this: TwoMoments, age: number): boolean {
      const at = this.signedInThereAt ?? this.loginTs
      return at === undefined || Math.floor(Date.now() / 1000) - at > Number(age)
    },
  })
}

/** Notes that moment as a sign-in begins or renews the session: as the library does, who it is and when it began. */
export function noteMoment(session: TwoMoments, login: { [name: string]: unknown } | undefined): void {
  const at = login?.['signedInThereAt']
  if (login) session.signedInThereAt = typeof at === 'number' ? at : undefined
}
