// Applications that act for themselves: a token for the scopes that are theirs, for nobody else and nothing else.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { DeclaredApplication } from '../src/declared.ts'
import { type Product, startProduct } from './support/product.ts'
import { stranger } from './support/road.ts'
import { automation, requestToken } from './support/tokens.ts'
import { signedIn, visit } from './support/visits.ts'

describe('the token endpoint', () => {
  let product: Product
  before(async () => {
    const applications: DeclaredApplication[] = [
      automation('pages', ['internal_flow_answer']),
      automation('both', ['internal_flow_answer', 'internal_flow_create'], { redirectUris: ['https://both.example/'] }),
      automation('none', []),
    ]
    product = await startProduct({
      change: (declared) => ({ ...declared, applications: [...declared.applications, ...applications] }),
    })
  })
  after(() => product.stop())

  const ask = async (clientId: string, scope?: string, secret?: string) => {
    const answer = await requestToken(product.url, clientId, scope, secret)
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
  }

  it('gives an application an opaque token for ten minutes, for what it asks of what it may do', async () => {
    const one = await ask('both', 'internal_flow_create')
    assert.deepEqual(
      [one.status, one.body['token_type'], one.body['expires_in'], one.body['scope'], one.headers.get('cache-control')],
      [200, 'Bearer', 600, 'internal_flow_create', 'no-store'],
    )
    assert.match(String(one.body['access_token']), /^[\w-]{43}$/)
    assert.equal((await ask('both', 'internal_flow_answer internal_flow_create')).status, 200)
  })

  it('refuses a scope that is not the application’s own, one that there is not, and none', async () => {
    for (const scope of [
      'internal_flow_create',
      'openid',
      'internal_idp_view',
      'internal_flow_answer openid',
      '',
      undefined,
    ]) {
      const { status, body } = await ask('pages', scope)
      assert.deepEqual([status, body['error']], [400, 'invalid_scope'], scope)
    }
    assert.equal((await ask('none', 'internal_flow_answer')).body['error'], 'invalid_scope')
  })

  it('refuses a wrong secret, and whoever signs people in and does not act for itself', async () => {
    assert.equal(
      (await ask('pages', 'internal_flow_answer', 'a wrong secret of pages')).body['error'],
      'invalid_client',
    )
    const { status, body } = await ask('travel', 'internal_flow_answer', 'a secret of the travel application')
    assert.deepEqual([status, body['error']], [400, 'invalid_request'])
  })

  it('keeps no token that a dump of the database would tell', async () => {
    const { body } = await ask('pages', 'internal_flow_answer')
    assert.ok(!(await product.dump()).includes(String(body['access_token'])))
  })

  it('offers its scopes to no person', async () => {
    await visit(product, 'silent', stranger(product), { query: { scope: 'openid internal_flow_answer' } })
    const { accessToken } = signedIn(product.application).tokens
    const answer = await fetch(`${product.url}/.well-known/openid-configuration`)
    const { scopes_supported: scopes, grant_types_supported: grants } = (await answer.json()) as Record<
      string,
      string[]
    >
    assert.ok(grants?.includes('client_credentials'))
    assert.ok(scopes?.every((scope) => !scope.startsWith('internal_')))
    assert.match(accessToken, /^[\w-]{43}$/)
  })

  it('does not let an application that only acts for itself send people here', async () => {
    const answer = await fetch(
      `${product.url}/oauth2/authorize?client_id=pages&response_type=code&scope=openid&redirect_uri=https://pages.example/`,
      { redirect: 'manual' },
    )
    assert.equal(answer.status, 400)
  })
})
