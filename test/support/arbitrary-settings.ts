// Whole configurations that nobody would think of and the reader accepts, for property tests with fast-check.
import fc from 'fast-check'
import type { Entry } from '../../src/settings/kinds.ts'
import { shortText } from './arbitraries.ts'

/** Text for people: whatever fits and can be kept. */
const line = (max: number) =>
  shortText
    .map((text) => [...text.toWellFormed().replaceAll('\0', '')].slice(0, max).join(''))
    .filter((text) => text.trim() !== '' && text.isWellFormed())
const secret = fc.string({ unit: 'grapheme-ascii', minLength: 16, maxLength: 40 }).filter((text) => text.trim() !== '')
const identifier = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
/** The rule of roles where a store has none of its own wants three letters. */
const role = fc.stringMatching(/^[a-z][a-z0-9]{2,8}$/)
const tag = fc.constantFrom('de', 'ar', 'fr', 'pt-BR', 'zh-Hant')
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined })

const day = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10))

const ATTRIBUTES = ['department', 'team', 'badge', 'office_2']
const STORES = ['STAFF', 'A.B-C_1']
const IDPS = ['acme', 'Globex', 'a.b', 'a-b', 'a_b', '1st']

/** An object without the members that are undefined: for the reader a key that is there has a value. */
const entry = (members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Entry> =>
  fc.record(members).map((made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)))

const translations = (text: fc.Arbitrary<unknown>) => fc.dictionary(tag, text, { minKeys: 1, maxKeys: 3 })

const attributes = fc
  .subarray(ATTRIBUTES)
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        entry({ name: fc.constant(name), displayName: maybe(line(100)), translations: maybe(translations(line(100))) }),
      ),
    ),
  )

const properties = entry({
  UsernameJavaRegEx: maybe(fc.constantFrom('^[a-z]{3,30}$', '^[\\S]{3,50}$')),
  UsernameJavaRegExViolationErrorMsg: maybe(line(200).filter((text) => !/\p{Cc}/u.test(text))),
  CaseInsensitiveUsername: maybe(fc.constantFrom(true, 'false')),
})
const stores = fc
  .subarray(['PRIMARY', ...STORES])
  .chain((names) => fc.tuple(...names.map((name) => entry({ name: fc.constant(name), properties: maybe(properties) }))))

const idps = (custom: string[], own: string[]) =>
  fc.shuffledSubarray(IDPS).chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        entry({
          name: fc.constant(name),
          displayName: maybe(line(100)),
          isEnabled: maybe(fc.boolean()),
          requireSecondFactor: maybe(fc.boolean()),
          oidc: entry({
            issuer: fc.constant('https://id.acme.example'),
            clientId: secret,
            clientSecret: maybe(secret),
            scopes: maybe(fc.constantFrom(['openid'], ['email', 'openid'])),
          }),
          claims: maybe(
            fc
              .tuple(
                maybe(line(200)),
                maybe(fc.dictionary(fc.constantFrom('email', 'name', 'address', ...custom), line(200))),
                maybe(
                  fc.tuple(
                    line(200),
                    fc.dictionary(
                      line(40).filter((role) => role !== '__proto__'),
                      role,
                    ),
                  ),
                ),
              )
              .map(([username, mappings, roles]) => ({
                ...(username === undefined ? {} : { username }),
                ...(mappings === undefined ? {} : { mappings }),
                ...(roles === undefined ? {} : { roles: roles[0], roleMappings: roles[1] }),
              })),
          ),
          provisioning: maybe(
            entry({
              jit: entry({
                isEnabled: maybe(fc.boolean()),
                scheme: maybe(fc.constantFrom('PROVISION_SILENTLY', 'PROMPT_CONSENT', 'PROMPT_PASSWORD_CONSENT')),
                userstore: maybe(fc.constantFrom('PRIMARY', 'as in USERNAME', ...own)),
                associateLocalUser: maybe(fc.boolean()),
                attributeSyncMethod: maybe(fc.constantFrom('OVERRIDE_ALL', 'PRESERVE_LOCAL', 'NONE')),
              }),
            }),
          ),
        }),
      ),
    ),
  )

const purposes = (custom: string[]) =>
  fc.uniqueArray(identifier, { maxLength: 3 }).chain((ids) =>
    fc.tuple(
      ...ids.map((id) => {
        const words = { purpose: line(100), description: line(600) }
        const categories = fc.subarray(['email', 'name', ...custom], { minLength: 1 })
        return entry({
          id: fc.constant(id),
          ...words,
          translations: maybe(translations(entry(words))),
          piiCategories: categories.chain((names) =>
            fc.tuple(...names.map((name) => entry({ name: fc.constant(name), mandatory: maybe(fc.boolean()) }))),
          ),
          acceptBy: maybe(day),
          wordingOnly: maybe(line(200)),
        })
      }),
    ),
  )

const applications = (idpNames: string[]) =>
  fc.uniqueArray(fc.oneof(identifier, fc.constantFrom(...IDPS, '***', 'idp_acme')), { maxLength: 4 }).chain((ids) =>
    fc.tuple(
      ...ids.map((clientId) =>
        entry({
          name: line(100),
          clientId: fc.constant(clientId),
          clientSecret: maybe(secret),
          redirectUris: fc.constant(['https://travel.example/callback', 'example.travel:/callback']),
          postLogoutRedirectUris: maybe(fc.constant(['https://travel.example/'])),
          identityProviders: maybe(fc.subarray(idpNames)),
          requireLocalUser: maybe(fc.constantFrom(true, 'false')),
          requireSecondFactor: maybe(fc.boolean()),
        }),
      ),
    ),
  )

/** A tree as the reader takes it, with its secrets in it. */
export const settingsTree: fc.Arbitrary<Entry> = fc.tuple(attributes, stores).chain(([ofAttributes, ofStores]) => {
  const custom = ofAttributes.map(({ name }) => String(name))
  const own = ofStores.map(({ name }) => String(name))
  return idps(custom, own).chain((ofIdps) =>
    entry({
      organization: maybe(entry({ name: maybe(line(100)), contact: maybe(line(200)), phone: maybe(line(200)) })),
      authentication: maybe(
        entry({
          jit_provisioning: entry({
            username_provisioning_url: maybe(fc.constant('/join/register.do')),
            password_provisioning_url: maybe(fc.constant('https://pages.example/signup')),
            allowed_page_origins: fc.constant(['https://pages.example']),
            unknown_user_store: maybe(fc.constantFrom('PRIMARY', 'refuse')),
            reserved_usernames: maybe(fc.array(line(255), { maxLength: 3 })),
            enable_enhanced_feature: maybe(fc.constantFrom(true, 'true', 'false')),
            show_failure_reason: maybe(fc.boolean()),
            require_second_factor: maybe(fc.boolean()),
          }),
        }),
      ),
      attributes: fc.constant(ofAttributes),
      userStores: fc.constant(ofStores),
      identityProviders: fc.constant(ofIdps),
      purposes: purposes(custom),
      applications: applications(ofIdps.map(({ name }) => String(name))),
    }),
  )
})
