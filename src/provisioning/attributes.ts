// The attributes that may be kept about a person, and the scope under which each is released. Pure.

type Scope = 'profile' | 'email' | 'phone' | 'address'

/** The standard claims that may be kept, each with the scope that asks for it (OpenID Connect Core 1.0, 5.1 and 5.4). */
export const STANDARD_ATTRIBUTES = {
  name: { scope: 'profile' },
  given_name: { scope: 'profile' },
  family_name: { scope: 'profile' },
  middle_name: { scope: 'profile' },
  nickname: { scope: 'profile' },
  profile: { scope: 'profile' },
  picture: { scope: 'profile' },
  website: { scope: 'profile' },
  email: { scope: 'email' },
  gender: { scope: 'profile' },
  birthdate: { scope: 'profile' },
  zoneinfo: { scope: 'profile' },
  locale: { scope: 'profile' },
  phone_number: { scope: 'phone' },
  address: { scope: 'address' },
} as const satisfies Readonly<Record<string, { scope: Scope }>>

/** Claims that OpenID Connect itself or we give meaning to, or that follow another attribute: nobody can declare them as their own. */
export const PROTOCOL_CLAIMS: ReadonlySet<string> = new Set([
  ...['sub', 'iss', 'aud', 'exp', 'iat', 'nonce', 'acr', 'amr', 'azp', 'auth_time'],
  ...['email_verified', 'phone_number_verified', 'updated_at', 'preferred_username', 'roles'],
])

/** True for a standard attribute, and for nothing that objects merely inherit, such as `constructor`. */
export function isStandardAttribute(attribute: string): attribute is keyof typeof STANDARD_ATTRIBUTES {
  return Object.hasOwn(STANDARD_ATTRIBUTES, attribute)
}

/** The scope that releases an attribute. Attributes that the operator declared go with `profile`. */
export function scopeOf(attribute: string): Scope {
  return isStandardAttribute(attribute) ? STANDARD_ATTRIBUTES[attribute].scope : 'profile'
}
