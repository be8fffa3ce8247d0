// The application that the bench signs people in to: code flow with a secret and PKCE. It has no server: who measures is its browser and itself.
import { createHash, randomBytes } from 'node:crypto'
import { type Answer, onward, postForm, type Visitor } from './visitor.ts'

/** As the product has it in its configuration. Nobody listens at its address, and nobody asks there. */
export const APPLICATION = {
  name: 'Travel',
  clientId: 'travel',
  clientSecret: 'a secret of the travel application',
  redirectUris: ['http://127.0.0.1:1/callback'],
}

const [REDIRECT_URI = ''] = APPLICATION.redirectUris

/** From the application to the product, to the idp, back with a code, and the code for tokens; throws when it does not end in an ID token. */
export async function signInToApplication(product: string, visitor: Visitor): Promise<void> {
  const [state, nonce, verifier] = [random(), random(), random()]
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: APPLICATION.clientId,
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile email',
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const last = await visitor.follow(await visitor.get(`${product}/oauth2/authorize?${query}`), REDIRECT_URI)
  const callback = onward(last)
  const code = callback?.searchParams.get('code')
  if (!code || callback?.searchParams.get('state') !== state) throw wrong('no code', last)
  // From server to server: no cookies, and no browser's headers.
  const tokens = await postForm(
    new URL(`${product}/oauth2/token`),
    new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: verifier,
      client_id: APPLICATION.clientId,
      client_secret: APPLICATION.clientSecret,
    }),
  )
  const { id_token: token = '' } = JSON.parse(tokens.body.toString()) as { id_token?: string }
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}')
  if (claims.nonce !== nonce || typeof claims.sub !== 'string') throw wrong('no ID token', tokens)
}

function wrong(what: string, { status, url, body }: Answer): Error {
  return new Error(
    `${what}: ${url.pathname} answered ${status} ${body.toString().replaceAll(/\s+/g, ' ').slice(0, 300)}`,
  )
}

function random(): string {
  return randomBytes(32).toString('base64url')
}
