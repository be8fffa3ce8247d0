// Tokens for applications that act for themselves (RFC 6749, 4.4): opaque, for ten minutes, and for no scope that is not theirs.

import type Provider from 'oidc-provider'
import type { errors, KoaContextWithOIDC } from 'oidc-provider'
import { applicationOfClient } from './records.ts'

/** Who holds a token of their own, and what it is for. */
export interface Bearer {
  clientId: string
  scopes: ReadonlySet<string>
}

/**
 * Serves the grant. By our own handler, because the library's lets through every scope that it does not know, and to know ours would offer
 * them to people's tokens as well.
 */
export function grantClientCredentials(provider: Provider, { InvalidScope }: typeof errors): void {
  const handle = async (ctx: KoaContextWithOIDC): Promise<void> => {
    const { client, params } = ctx.oidc
    if (!client) return
    const allowed = applicationOfClient(client).scopes
    const wanted = [
      ...new Set(
        String(params?.['scope'] ?? '')
          .split(' ')
          .filter(Boolean),
      ),
    ]
    if (wanted.length === 0) throw new InvalidScope('say which scope the token is for', '')
    for (const scope of wanted) {
      if (!allowed.includes(scope)) throw new InvalidScope('this scope is not one of the application', scope)
    }
    const scope = wanted.join(' ')
    const token = new provider.ClientCredentials({ client, scope })
    ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: token.tokenType, scope }
  }
  provider.registerGrantType('client_credentials', handle, ['scope'])
}

/** Who holds this token; undefined for one that is unknown, has expired, or is a person's. */
export async function bearerOf(provider: Provider, token: string): Promise<Bearer | undefined> {
  const found = await provider.ClientCredentials.find(token)
  return found?.clientId === undefined ? undefined : { clientId: found.clientId, scopes: new Set(found.scopes) }
}
