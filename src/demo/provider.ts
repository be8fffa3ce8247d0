// What every OpenID Provider of ours outside the product shares: it keeps all it knows in this process and remembers nobody.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type Provider from 'oidc-provider'
import type { Adapter, AdapterPayload, Configuration } from 'oidc-provider'
import { loadOpenidProvider } from '../web/openid-provider.ts'

const minute = 60
// Far more than a demonstration needs; a bound, so that a loop somewhere cannot fill the memory.
const recordsKept = 2_000

/** The OpenID Provider class of the package. */
export async function loadProvider(): Promise<typeof Provider> {
  return (await loadOpenidProvider()).default
}

/**
 * Settings to start from: PKCE by S256, no consent screen, sign-in at /sign-in/<uid>, and no session, so that whoever signs in
 * is asked who they are each time. `findClient` is asked at every use: clients may be registered while the provider runs.
 */
export function forgetfulSettings(
  findClient: (clientId: string) => AdapterPayload | undefined,
  signingKey = newSigningKey(),
): Configuration {
  return {
    adapter: memoryAdapter(findClient),
    jwks: { keys: [signingKey] },
    cookies: { keys: [randomBytes(32)] },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
    interactions: { url: (_ctx, interaction) => `/sign-in/${interaction.uid}` },
    pkce: { required: () => true },
    // Codes and tokens end with the session unless told otherwise, and here no session is ever found again.
    expiresWithSession: () => false,
    // Whoever has signed in has nothing more to answer.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({ clientId: oidc.client?.clientId, accountId: oidc.session?.accountId })
      grant.addOIDCScope(String(oidc.params?.scope ?? ''))
      await grant.save()
      return grant
    },
    // Said explicitly because each default prints a notice when it is first used.
    clientBasedCORS: () => false,
    ttl: {
      AccessToken: 10 * minute,
      AuthorizationCode: minute,
      Grant: 10 * minute,
      IdToken: 10 * minute,
      Interaction: 30 * minute,
      Session: 10 * minute,
    },
  }
}

function memoryAdapter(findClient: (clientId: string) => AdapterPayload | undefined): (model: string) => Adapter {
  const records = new Map<string, { payload: AdapterPayload; expiresAt: number }>()

  return (model) => {
    const find = async (id: string): Promise<AdapterPayload | undefined> => {
      if (model === 'Client') return findClient(id)
      const record = records.get(`${model}:${id}`)
      return record && record.expiresAt > Date.now() ? record.payload : undefined
    }
    return {
      find,
      upsert: async (id, payload, expiresInSeconds = 10 * minute) => {
        // Never written, so the cookie of a former sign-in leads to nobody.
        if (model === 'Session') return
        const [oldest] = records.keys()
        if (records.size >= recordsKept && oldest !== undefined) records.delete(oldest)
        records.set(`${model}:${id}`, { payload, expiresAt: Date.now() + expiresInSeconds * 1000 })
      },
      consume: async (id) => {
        const payload = await find(id)
        if (payload) payload.consumed = Math.floor(Date.now() / 1000)
      },
      destroy: async (id) => {
        records.delete(`${model}:${id}`)
      },
      // A code used twice must take its tokens with it (RFC 6749 section 4.1.2).
      revokeByGrantId: async (grantId) => {
        for (const [key, { payload }] of records) if (payload.grantId === grantId) records.delete(key)
      },
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
    }
  }
}

/** An RS256 key for one run; OpenID Connect Core 1.0 section 15.1 asks every provider for that algorithm. */
export function newSigningKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomBytes(8).toString('hex') }
}
