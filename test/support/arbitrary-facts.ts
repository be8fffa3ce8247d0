// Facts of every kind, for property tests of what is decided by them and said of it.
import fc from 'fast-check'
import type { Facts } from '../../src/provisioning/decide.ts'

const scheme = fc.constantFrom(
  'PROVISION_SILENTLY' as const,
  'PROMPT_CONSENT' as const,
  'PROMPT_PASSWORD_CONSENT' as const,
  'PROMPT_USERNAME_PASSWORD_CONSENT' as const,
)
/** True three times of four: otherwise hardly anybody would come past the first question of decide. */
const mostly = fc.nat(3).map((one) => one > 0)
/** As objects are that JSON makes. */
const plain = { noNullPrototype: true }
const askedAgain = fc.record(
  {
    purposes: fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/), { minLength: 1, maxLength: 3 }),
    isDue: fc.boolean(),
  },
  plain,
)
const user = fc.record(
  {
    id: fc.uuid(),
    isLocked: fc.boolean(),
    askedAgain,
    secondFactor: fc.constantFrom('show' as const, 'enrol' as const),
  },
  { ...plain, requiredKeys: ['id', 'isLocked'] },
)
const attribute = fc.oneof(
  fc.constantFrom('email', 'phone_number', 'address'),
  fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/),
)

export const anyFacts: fc.Arbitrary<Facts> = fc
  .record(
    {
      idp: fc.record({ isEnabled: mostly, isAccepted: mostly, jitEnabled: mostly, scheme }, plain),
      requireLocalUser: fc.boolean(),
      requireSecondFactor: fc.option(fc.constant(true as const), { nil: undefined }),
      isIdentityLocked: fc.nat(7).map((one) => (one === 0 ? (true as const) : undefined)),
      wasAsked: fc.boolean(),
      user: fc.option(user, { nil: undefined, freq: 2 }),
      username: fc.constantFrom('free' as const, 'taken' as const, 'refused' as const, 'fixed' as const),
      missingAttributes: fc.uniqueArray(attribute, { maxLength: 4 }),
      mayBeKnown: fc.option(fc.constant(true as const), { nil: undefined }),
    },
    plain,
  )
  // As facts.ts leaves it out for somebody whom nobody knows.
  .map(({ user, mayBeKnown, requireSecondFactor, isIdentityLocked, ...facts }) => ({
    ...facts,
    ...(requireSecondFactor ? { requireSecondFactor } : {}),
    ...(isIdentityLocked ? { isIdentityLocked } : {}),
    ...(user ? { user } : {}),
    ...(mayBeKnown && !user ? { mayBeKnown } : {}),
  }))
