// Whether a second factor is asked for, and which step that is. Pure.

/** Ways to show one; a backup code stands in for any of them. */
export type FactorKind = 'totp' | 'email'
export type Way = FactorKind | 'backup'

/** What a person has, as far as it is confirmed. */
export interface Factors {
  kinds: FactorKind[]
  /** Backup codes that are not used yet. */
  backupCodes: number
}

/** `show`: they have one. `enrol`: they have none, and an operator requires it. */
export type FactorStep = 'show' | 'enrol'

/** Whoever requires a second factor: one is enough. Each only where the enhanced feature is on. */
export function isRequired(
  enhanced: { isOn: boolean; requireSecondFactor: boolean },
  application: { requireSecondFactor: boolean },
  /** Absent: they signed in with a password. */
  idp?: { requireSecondFactor: boolean },
): boolean {
  if (!enhanced.isOn) return false
  return enhanced.requireSecondFactor || application.requireSecondFactor || idp?.requireSecondFactor === true
}

/**
 * The step that stands before the door of somebody who has shown no factor in this sign-in; undefined when there is none. Whoever has one is asked for
 * it everywhere: it is theirs.
 */
export function stepFor(factors: Factors, isRequired: boolean): FactorStep | undefined {
  if (factors.kinds.length > 0) return 'show'
  return isRequired ? 'enrol' : undefined
}
