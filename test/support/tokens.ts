// Applications that act for themselves, as tests declare them, and the tokens that they get.
import assert from 'node:assert/strict'
import type { DeclaredApplication } from '../../src/declared.ts'

export const secretOf = (clientId: string) => `a secret of the application ${clientId}`

/** The declaration of an application with client credentials. */
export function automation(
  clientId: string,
  scopes: DeclaredApplication['scopes'],
  others: Partial<DeclaredApplication> = {},
): DeclaredApplication {
  return {
    name: `The ${clientId}`,
    clientId,
    clientSecret: secretOf(clientId),
    grantTypes: ['client_credentials'],
    scopes,
    redirectUris: [],
    postLogoutRedirectUris: [],
    requireLocalUser: false,
    requireSecondFactor: false,
    requirePkce: true,
    ...others,
  }
}

/** Asks the token endpoint, with the secret in the Authorization header (RFC 6749, 2.3.1). */
export function requestToken(
  url: string,
  clientId: string,
  scope: string | undefined,
  secret = secretOf(clientId),
): Promise<Response> {
  const basic = [clientId, secret].map(encodeURIComponent).join(':')
  return fetch(`${url}/oauth2/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) }),
  })
}

/** A token; fails when there is none to be had. */
export async function tokenFor(url: string, clientId: string, scope: string): Promise<string> {
  const answer = await requestToken(url, clientId, scope)
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  return token ?? assert.fail(`no token for ${clientId}: ${answer.status}`)
}
