// What openid-client leaves to us of an ID token whose signature, issuer, audience, end and nonce are right. Pure.
import { codedError } from './ask.ts'

/** How far the idp's clock and this machine's may differ, in either direction. */
export const CLOCK_TOLERANCE_SECONDS = 60

/**
 * Throws, with a code that begins with IDP_TOKEN, for a token that is signed rightly and no ID token for us now: one of another kind
 * (RFC 8725, 3.11), with a header that changes what is signed, from the future, or issued to another party (OpenID Connect Core,
 * 3.1.3.7). `token` is the compact serialization, `claims` what is in it, `now` in seconds.
 */
export function checkIdToken(
  token: string,
  claims: Readonly<Record<string, unknown>>,
  { clientId, now }: { clientId: string; now: number },
): void {
  const header: Record<string, unknown> = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
  // Access tokens and logout tokens are signed by the same key. Nothing said is an ID token: many idps say nothing.
  const type = header['typ'] ?? 'JWT'
  if (typeof type !== 'string' || !/^(application\/)?jwt$/i.test(type)) {
    throw codedError('IDP_TOKEN_TYPE', 'The token is no ID token.')
  }
  // Whoever does not know this header verifies other bytes than were signed (RFC 7797, 6).
  if (header['b64'] !== undefined)
    throw codedError('IDP_TOKEN_TYPE', 'The token is encoded in a way that we do not know.')
  if (Number(claims['iat']) > now + CLOCK_TOLERANCE_SECONDS) {
    throw codedError('IDP_TOKEN_TIME', 'The token was issued in the future.')
  }
  if (claims['azp'] !== undefined && claims['azp'] !== clientId) {
    throw codedError('IDP_TOKEN_PARTY', 'The token was issued to another party.')
  }
}
