// Whether a second factor stands between somebody and the door, as everything is now.
import type { Application } from '../db/applications.ts'
import type { Idp } from '../db/idps.ts'
import { factorsOf } from '../db/user-factors.ts'
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
  return stepFor({ isOn: true, isShown: false, isRequired: isRequired(enhanced, application, idp), factors })
}
