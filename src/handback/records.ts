// The OpenID Provider's memory in PostgreSQL: ids as SHA-256, payloads sealed under SECRET_KEY, one-time things used once.
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { type Application, findApplicationByClientId, MY_ACCOUNT } from '../db/applications.ts'
import {
  consumeRecord,
  deleteFederatedClaims,
  deleteRecord,
  deleteRecordsOfGrant,
  findRecord,
  findRecordByUid,
  type OidcRecord,
  putRecord,
} from '../db/oidc-records.ts'
import type { House } from '../house.ts'
import { sha256 } from '../seal.ts'
import type { Steps } from './at-once.ts'
import { isFederated } from './subjects.ts'

/** Everything of ours expires; this is the bound for a record of which the library does not say when. */
const LONGEST_SECONDS = 30 * 86_400

/** Models whose every record has an id of its own: none of theirs is written twice. */
const WRITTEN_ONCE = new Set(['AuthorizationCode', 'AccessToken', 'RefreshToken'])

/** Models whose records are found by their user: those that live on when the person has gone. */
const OF_USERS = new Set(['Session', 'Grant', 'RefreshToken'])

/** What a payload of this model is sealed for. */
export const contextOf = (model: string) => `oidc ${model}`

/** The adapter of one model of oidc-provider. Clients are not stored here: they are our applications. `usedUp` is thrown at a second use. */
export function recordsOf(
  { house, isNew, seen }: Pick<Steps, 'house' | 'isNew' | 'seen'>,
  model: string,
  usedUp: () => Error,
): Adapter {
  const { keyring, now } = house
  const context = contextOf(model)

  function open(record: OidcRecord | undefined): AdapterPayload | undefined {
    if (!record) return undefined
    seen.configured = record.configured
    const payload: AdapterPayload = JSON.parse(keyring.unseal(context, record.payload_sealed))
    return record.consumed_at ? { ...payload, consumed: Math.floor(record.consumed_at.getTime() / 1000) } : payload
  }

  return {
    async upsert(id, payload, expiresIn) {
      // Whoever asks to sign out, or comes with the cookie of an expired session, gets a session of nobody: no row for eight hours.
      if (model === 'Session' && payload.accountId === undefined) return
      await putRecord(house.db, {
        model,
        idHash: sha256(id),
        payloadSealed: keyring.seal(context, JSON.stringify(payload)),
        grantIdHash: payload.grantId ? sha256(payload.grantId) : null,
        uidHash: payload.uid ? sha256(payload.uid) : null,
        userId: OF_USERS.has(model) ? userOf(payload) : null,
        expiresAt: new Date(now().getTime() + (expiresIn ?? LONGEST_SECONDS) * 1000),
      })
      if (WRITTEN_ONCE.has(model)) isNew(model, id)
    },
    async find(id) {
      if (model === 'Client') return clientOf(house, id, seen.configured)
      return open(await findRecord(house.db, model, sha256(id), now()))
    },
    async findByUid(uid) {
      return open(await findRecordByUid(house.db, model, sha256(uid), now()))
    },
    // Device flow is off; nothing has a user code.
    async findByUserCode() {
      return undefined
    },
    async consume(id) {
      // The library has looked before; of two that looked at once the second must not get tokens.
      if (!(await consumeRecord(house.db, model, sha256(id), now()))) {
        throw usedUp()
      }
    },
    async destroy(id) {
      if (model === 'Grant') await deleteFederatedClaims(house.db, sha256(id))
      const isFirst = await deleteRecord(house.db, model, sha256(id))
      // An interaction ends once: of two that found it only one may go on to a code.
      if (!isFirst && model === 'Interaction') throw usedUp()
    },
    async revokeByGrantId(grantId) {
      await deleteRecordsOfGrant(house.db, model, sha256(grantId))
    },
  }
}

function userOf({ accountId }: AdapterPayload): string | null {
  return accountId === undefined || isFederated(accountId) ? null : accountId
}

/** The name of our own metadata on the library's clients. */
export const APPLICATION = 'vestibule_application'

/** What we look at of an application beside what the library does: as it was when its client was read, which each request does. */
export type ClientsApplication = Pick<
  Application,
  'id' | 'scopes' | 'identityProviders' | 'requireLocalUser' | 'requireSecondFactor' | 'requirePkce'
>

/** The application that a client is. */
export function applicationOfClient(client: { [metadata: string]: unknown }): ClientsApplication {
  return client[APPLICATION] as ClientsApplication
}

/** Of what is in memory, where this request has just heard that it still holds. */
async function clientOf(house: House, clientId: string, seen: string | undefined): Promise<AdapterPayload | undefined> {
  // PostgreSQL refuses NUL and ill-formed text with an error; such a client does not exist.
  if (!clientId.isWellFormed() || clientId.includes('\0')) return undefined
  const believed = house.configured.believed()
  const application =
    believed !== undefined && believed.version === seen
      ? believed.applications.find((one) => one.clientId === clientId && one.isEnabled && one.id !== MY_ACCOUNT)
      : await findApplicationByClientId(house.db, clientId)
  if (!application) return undefined
  const { id, scopes, identityProviders, requireLocalUser, requireSecondFactor, requirePkce } = application
  const secret = application.clientSecretSealed
  const isWeb = application.redirectUris.every((uri) => /^https?:/.test(uri))
  return {
    client_id: application.clientId,
    client_name: application.name,
    ...(secret
      ? { client_secret: house.keyring.unseal(`application ${application.clientId}`, secret) }
      : { token_endpoint_auth_method: 'none' }),
    redirect_uris: application.redirectUris,
    post_logout_redirect_uris: application.postLogoutRedirectUris,
    response_types: application.grantTypes.includes('authorization_code') ? ['code'] : [],
    grant_types: application.grantTypes,
    application_type: isWeb ? 'web' : 'native',
    [APPLICATION]: { id, scopes, identityProviders, requireLocalUser, requireSecondFactor, requirePkce },
  }
}
