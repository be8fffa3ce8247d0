// What stands around the product in a test: a database of its own, a scripted identity provider behind five idps (one per mode), an application, and the declaration of all that.
import { after } from 'node:test'
import pg from 'pg'
import type { Declared, DeclaredApplication, DeclaredIdp, DeclaredPurpose } from '../../src/declared.ts'
import { type Application, type ApplicationOptions, startApplication } from './application.ts'
import { REPOSITORY } from './built.ts'
import type { TestCluster } from './database.ts'
import { freePort } from './free-port.ts'
import { type Idp, startIdp } from './idp.ts'
import { SECRET_KEY, startMigratedCluster } from './migrated.ts'
import { openRows } from './rows.ts'

export { freePort, REPOSITORY, SECRET_KEY, startMigratedCluster }

export type Mode = 'none' | 'silent' | 'consent' | 'password' | 'username'

/** What the road needs, whoever serves it: one server in this process, or several in processes of their own. */
export interface Scene {
  /** The address that people use. */
  url: string
  idp: Idp
  application: Application
  databaseUrl: string
  declared: Declared
  rows<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>
  /** Every row of every table as text: what a dump of the database would hold. */
  dump(): Promise<string>
}

export const PURPOSES: DeclaredPurpose[] = [
  {
    id: 'recover',
    purpose: 'Recover your account',
    description: 'So that we can help you if you lose your password',
    piiCategories: [
      { name: 'email', mandatory: true },
      { name: 'phone_number', mandatory: false },
    ],
  },
  {
    id: 'office',
    purpose: 'Show you the right office',
    description: 'So that prices and news fit where you work',
    piiCategories: [{ name: 'department', mandatory: false }],
  },
]

const SCHEMES: Record<Mode, DeclaredIdp['jit']> = {
  none: jit(false, 'PROVISION_SILENTLY'),
  silent: jit(true, 'PROVISION_SILENTLY'),
  consent: jit(true, 'PROMPT_CONSENT'),
  password: jit(true, 'PROMPT_PASSWORD_CONSENT'),
  username: jit(true, 'PROMPT_USERNAME_PASSWORD_CONSENT'),
}

export const MODES = Object.keys(SCHEMES) as Mode[]

function jit(isEnabled: boolean, scheme: DeclaredIdp['jit']['scheme']): DeclaredIdp['jit'] {
  return { isEnabled, scheme, userstore: 'PRIMARY', associateLocalUser: false, attributeSyncMethod: 'OVERRIDE_ALL' }
}

let cluster: Promise<TestCluster> | undefined
after(async () => (await cluster)?.stop())

/** One cluster for the process, with a migrated template. */
export function testCluster(): Promise<TestCluster> {
  cluster ??= startMigratedCluster()
  return cluster
}

export interface SceneOptions {
  /** Where the database is made, when not in the one cluster of the process. */
  cluster?: TestCluster
  purposes?: DeclaredPurpose[]
  /** The modes whose idps the application offers; several: login.do asks. */
  modes?: Mode[]
  ca?: string
  application?: Partial<DeclaredApplication>
  change?: (declared: Declared) => Declared
}

export interface StartedScene extends Scene {
  /** How the product gets to its database, unless a test says otherwise. */
  productDatabaseUrl: string
  /** Starts another application and declares it; the caller brings the change to the product. */
  add(options: Partial<ApplicationOptions>, declared?: Partial<DeclaredApplication>): Promise<Application>
  stop(): Promise<void>
}

/** Sets the scene for a product at `url`. `silent` is the only idp of the application unless `modes` says otherwise. */
export async function setScene(url: string, options: SceneOptions = {}): Promise<StartedScene> {
  const cluster = options.cluster ?? (await testCluster())
  const database = await cluster.clone()
  const sql = openRows(() => database.url)
  const idp = await startIdp()
  const ca = options.ca === undefined ? {} : { ca: options.ca }
  const client = { issuer: url, clientId: 'travel', clientSecret: 'a secret of the travel application', ...ca }
  const application = await startApplication(client)
  const applications = [application]
  const declared: Declared = {
    organization: { name: 'Northwind', privacyPolicyUrl: 'https://northwind.example/privacy' },
    jitProvisioning: {
      usernameProvisioningUrl: '/accountrecoveryendpoint/register.do',
      passwordProvisioningUrl: '/accountrecoveryendpoint/signup.do',
      allowedPageOrigins: [],
      unknownUserStore: 'PRIMARY',
      reservedUsernames: [],
      enableEnhancedFeature: false,
      showFailureReason: false,
      requireSecondFactor: false,
    },
    userStores: [{ name: 'PRIMARY', properties: {} }],
    attributes: [{ name: 'department', displayName: 'Department', type: 'string' }],
    identityProviders: MODES.map((mode) => declaredIdp(mode, url, idp)),
    purposes: options.purposes ?? PURPOSES,
    applications: [declaredApplication('Travel', client.clientId, client.clientSecret, application)],
  }
  const [first] = declared.applications
  if (first) Object.assign(first, { identityProviders: options.modes ?? ['silent'] }, options.application)
  const scene: StartedScene = {
    url,
    idp,
    application,
    databaseUrl: database.url,
    productDatabaseUrl: cluster.forProduct(database.url),
    declared: options.change ? options.change(declared) : declared,
    rows: sql.rows,
    dump: async () => (await sql.texts()).join('\n'),
    async add(extra, changed) {
      const clientId = extra.clientId ?? `application-${applications.length}`
      const clientSecret = 'clientSecret' in extra ? extra.clientSecret : `a secret of application ${clientId}`
      const { clientSecret: _, ...rest } = extra
      const secret = clientSecret === undefined ? {} : { clientSecret }
      const added = await startApplication({ issuer: url, clientId, ...secret, ...ca, ...rest })
      applications.push(added)
      const one = {
        ...declaredApplication(clientId, clientId, clientSecret, added),
        identityProviders: ['silent'],
        ...changed,
      }
      scene.declared = { ...scene.declared, applications: [...scene.declared.applications, one] }
      return added
    },
    async stop() {
      await Promise.all([...applications.map((one) => one.stop()), idp.stop(), sql.close()])
      await database.drop()
    },
  }
  return scene
}

function declaredIdp(mode: Mode, url: string, idp: Idp): DeclaredIdp {
  const clientSecret = `a secret between us and ${mode}`
  idp.client({ clientId: `northwind-${mode}`, clientSecret, redirectUri: `${url}/commonauth/${mode}` })
  return {
    name: mode,
    displayName: `Acme ${mode}`,
    isEnabled: true,
    requireSecondFactor: false,
    oidc: {
      issuer: idp.issuer,
      clientId: `northwind-${mode}`,
      clientSecret,
      scopes: ['openid', 'profile', 'email', 'phone', 'address'],
    },
    claims: {
      username: 'preferred_username',
      mappings: Object.fromEntries(MAPPED.map((name) => [name, name])),
      roleMappings: {},
    },
    jit: SCHEMES[mode],
  }
}

const MAPPED = ['name', 'given_name', 'family_name', 'email', 'phone_number', 'address', 'department']

function declaredApplication(
  name: string,
  clientId: string,
  clientSecret: string | undefined,
  application: Application,
): DeclaredApplication {
  return {
    name,
    clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    grantTypes: ['authorization_code', 'refresh_token'],
    scopes: [],
    redirectUris: [application.redirectUri],
    postLogoutRedirectUris: [`${application.url}/bye`],
    requireLocalUser: false,
    requireSecondFactor: false,
    requirePkce: true,
  }
}

/** Runs one statement over a connection of its own. */
export async function rowsOf<Row>(url: string, sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql, values)).rows as Row[]
  } finally {
    await client.end()
  }
}
