// Whether a second factor stands between somebody and the door, as everything is now.
import type { Application } from '../db/applications.ts'
import type { Db } from '../db/connect.ts'
import type { Idp } from '../db/idps.ts'
import { factorsOf, isFactorUnshown } from '../db/user-factors.ts'
import { type FactorStep, isRequired, stepFor } from '../factors/need.ts'
import type { House } from '../house.ts'

/** The step of a user; undefined when there is none, and for everybody while the enhanced feature is off. Without an idp they came by a password. */
export async function factorStep(
  house: Pick<House, 'db' | 'settings'>,
  userId: string,
  {
    application,
    idp,
    shownBy,
  }: {
    application: Pick<Application, 'requireSecondFactor'>
    idp?: Pick<Idp, 'requireSecondFactor'>
    /** Whose factor was shown in this sign-in. */
    shownBy: string | undefined
  },
): Promise<FactorStep | undefined> {
  const { enhanced } = house.settings()
  if (!enhanced.isOn || shownBy === userId) return undefined
  const factors = await factorsOf(house.db, userId)
  return stepFor(factors, isRequired(enhanced, application, idp))
}

/**
 * Whether a user, whom the transaction holds, has set a second factor up since it was decided that this flow needs none: that ended what others had
 * open, and must not let in who was on the way.
 */
export async function isFactorDue(
  { settings }: Pick<House, 'settings'>,
  transaction: Db,
  userId: string,
  flowId: string,
): Promise<boolean> {
  return settings().enhanced.isOn && isFactorUnshown(transaction, userId, flowId)
}
