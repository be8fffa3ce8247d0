// Starts the built product as a peer of the harness. `node app.mjs migrate` makes its tables and declares what is configured, as its release step does.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const { VESTIBULE = '', BASE, ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env

const configuration = {
  organization: { name: 'Northwind' },
  identityProviders: [
    {
      name: 'bench',
      displayName: 'Bench',
      oidc: {
        issuer: ISSUER,
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        scopes: ['openid', 'email', 'profile'],
      },
      // Of u1, the shortest name that the idp asserts, no store would make a username.
      claims: { username: 'sub', mappings: { email: 'email', name: 'name' } },
      provisioning: { jit: { isEnabled: true, scheme: 'PROVISION_SILENTLY' } },
    },
  ],
}
const file = join(mkdtempSync(join(tmpdir(), 'vestibule-peer-')), 'vestibule.yaml')
writeFileSync(file, JSON.stringify(configuration))

Object.assign(process.env, {
  NODE_ENV: 'production',
  CONFIG_FILE: file,
  PUBLIC_URL: BASE,
  HOST: '127.0.0.1',
  SECRET_KEY: 'a secret key of the harness that is long enough',
  ALLOW_PRIVATE_IDP: '1',
  // As many as the other peers have.
  DATABASE_POOL_MAX: '10',
})

if (process.argv[2] === 'migrate') {
  const cli = join(VESTIBULE, 'dist/cli.js')
  process.exit(spawnSync(process.execPath, [cli, 'migrate'], { stdio: 'inherit' }).status ?? 1)
}
await import(pathToFileURL(join(VESTIBULE, 'dist/main.js')).href)
