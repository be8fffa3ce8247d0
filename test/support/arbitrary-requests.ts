// Claims, forms, callbacks and addresses that nobody thought of, for property tests of the whole product.
import fc from 'fast-check'
import { jsonValue, memberName, objectOf, shortText, text } from './arbitraries.ts'
import { PASSWORD } from './people.ts'

export type Generated<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never

const FORM = 'application/x-www-form-urlencoded'

/** One of these words. */
const pick = (words: string) => fc.constantFrom(...words.split(/\s+/))

/** `common` so many times as often as `rare`. */
function mostly<Common, Rare>(times: number, common: fc.Arbitrary<Common>, rare: fc.Arbitrary<Rare>) {
  return fc.oneof({ weight: times, arbitrary: common }, { weight: 1, arbitrary: rare })
}

/** An address of the product. */
const address =
  pick(`/authenticationendpoint/login.do /accountrecoveryendpoint/register.do /accountrecoveryendpoint/signup.do
  /accountrecoveryendpoint/username-status /accountrecoveryendpoint/stay /commonauth /commonauth/silent /oauth2/authorize /oauth2/token
  /oauth2/userinfo /oauth2/jwks /oidc/logout /oidc/logout/confirm /public/style.css /metrics /livez /`)

/** What a header may hold (RFC 9110, 5.5). */
const headerValue = fc.oneof(
  pick(`* null 0 -1 gzip identity;q=0 evil.example https://evil.example same-origin cross-site none en-GB,en;q=0.5 bytes=0-1
    POST for=_x " %00 Basic Basic:% 2001:db8::1 ::ffff:127.0.0.1 http \xff\xfe`),
  fc.constantFrom('', 'Bearer x', 'Basic Og==', '1.2.3.4, unknown', 'x'.repeat(4_000)),
  fc
    .array(fc.integer({ min: 0x20, max: 0xff }), { maxLength: 20 })
    .map((codes) => String.fromCharCode(...codes.filter((code) => code !== 0x7f))),
)

const anyHeaders = fc.dictionary(
  pick(`Accept Accept-Language Accept-Encoding Authorization Content-Encoding Cookie Forwarded If-None-Match Origin Purpose Range
    Referer Sec-Fetch-Site User-Agent X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-HTTP-Method-Override X-Request-ID Host`),
  headerValue,
  { maxKeys: 3, noNullPrototype: true },
)
const headers = mostly<Record<string, string>, Record<string, string>>(2, fc.constant({}), anyHeaders)

const claimName = mostly(
  6,
  pick(`name email email_verified phone_number phone_number_verified address department preferred_username given_name
    family_name`),
  fc.oneof(fc.constant('sub'), memberName),
)

/** JSON that no program writes: numbers without end, names twice, half of a letter, lists within lists, and what is none. */
const rawJson = fc.oneof(
  pick(
    `1e400 -1E+9999 5e-400 "\\u0000" "\\ud800" "\\udc00x" {"__proto__":{"x":1}} {"a":1,"a":"2"} " NaN 01 [,] \uFEFF1`,
  ),
  fc.constantFrom(`${'['.repeat(5_000)}${']'.repeat(5_000)}`, `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
)

/** What an idp says over what it should: claims in one of its answers or in both, and members of userinfo as they are written. */
export const assertion = fc.record({
  claims: objectOf(claimName, jsonValue),
  where: fc.constantFrom('id_token', 'userinfo', 'both'),
  written: mostly(3, fc.constant([]), fc.array(fc.tuple(claimName, rawJson), { minLength: 1, maxLength: 2 })),
})

const fieldName = fc.oneof(
  { weight: 6, arbitrary: pick('username password consent do use attribute.email') },
  pick('_csrf sessionDataKey notice'),
  pick('username[] consent[0] consent[__proto__] a[b][c] __proto__ constructor hasOwnProperty'),
  shortText,
)
const fieldValue = fc.oneof(
  text,
  pick('recover:email recover:phone_number office:department create decline generated.name'),
  fc.constant(PASSWORD),
)
const change = mostly(
  4,
  fc.record({ kind: fc.constantFrom('set', 'add', 'drop'), name: fieldName, value: fieldValue }),
  fc.record({ kind: fc.constant('drop'), name: pick('consent consent _csrf password'), value: fc.constant('') }),
)

/** Changes to the fields of a form, or a body that is not made of fields. */
const body = mostly(
  4,
  fc.array(change, { maxLength: 4 }),
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    pick('% %zz=% = &&& {"do":"create"} %00=%00').map((written) => Buffer.from(written)),
    fc.constantFrom('a'.repeat(200_000), 'a&'.repeat(500)).map((written) => Buffer.from(written)),
  ),
)

const contentType = mostly(
  4,
  fc.constant(FORM),
  fc.oneof(
    fc.constantFrom(`${FORM}; charset=utf-7`, `${FORM}; charset="utf-8"`, 'multipart/form-data; boundary=x', ''),
    pick('application/json text/plain /'),
    headerValue,
  ),
)

/** Ways to send a form; no `address` is its own. */
export const posts = fc.array(
  fc.record({
    address: mostly(5, fc.constant(undefined), address),
    method: mostly(6, fc.constant('POST'), pick('GET HEAD PUT PATCH DELETE OPTIONS')),
    contentType,
    headers,
    body,
  }),
  { minLength: 1, maxLength: 4 },
)

/** One of two people who come back from their idps. */
const whose = pick('one another')

/** Ways to come back, put together of two ways that are right and of what is in neither. */
export const callbacks = fc.array(
  fc.record({
    browser: mostly(5, whose, fc.constant('nobody')),
    path: mostly(6, whose, pick('silent nobody %00 %ff % ..%2f SILENT __proto__')),
    state: whose,
    code: whose,
    others: mostly(
      1,
      fc.constant<[string, string][]>([]),
      fc.array(
        fc.tuple(
          fc.oneof(
            pick('state code'),
            pick('error error_description iss response id_token session_state sessionDataKey state[] code[0]'),
            memberName,
          ),
          mostly(2, whose, text),
        ),
        { maxLength: 3 },
      ),
    ),
    behind: mostly(2, fc.constant(''), fc.constantFrom('&', '&%', '&%ff', '?', '&=', '&a&a&a', '#')),
    method: mostly(6, fc.constant('GET'), pick('HEAD POST PUT')),
    headers,
  }),
  { minLength: 1, maxLength: 4 },
)

/** Any request to any address; `isRight`: over the parameters of an application's own request. */
export const question = fc.record({
  address,
  behind: mostly(
    4,
    fc.constant(''),
    fc.oneof(fc.constantFrom('/', '/%00', '/%ff', '//', '/..', '/x'), shortText.map(encoded)),
  ),
  isRight: fc.boolean(),
  parameters: fc.array(
    fc.tuple(
      fc.oneof(
        pick('client_id redirect_uri response_type scope state nonce prompt max_age claims request response_mode'),
        pick('code_challenge code_challenge_method id_token_hint login_hint ui_locales acr_values grant_type code'),
        pick('refresh_token client_secret client_assertion token post_logout_redirect_uri sessionDataKey idp choose'),
        memberName,
      ),
      fc.oneof(
        pick(
          'travel code openid none login S256 authorization_code client_credentials query form_post {} [] 0 -1 9e99',
        ),
        // Longer than that no server reads an address.
        text.map((value) => value.slice(0, 2_000)),
      ),
    ),
    { maxLength: 5 },
  ),
  method: pick('GET GET POST POST HEAD PUT DELETE OPTIONS PATCH'),
  headers,
})

function encoded(part: string): string {
  return `/${encodeURIComponent(part.toWellFormed())}`.slice(0, 2_000)
}
