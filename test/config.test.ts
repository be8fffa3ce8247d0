// The settings of a deployment: what is understood, and how each mistake is told.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Config, ConfigFaults, printFaults, readConfig, VARIABLES } from '../src/config.ts'
import { type Fault, NOT_IN_THIS_VERSION, nearest } from '../src/config-faults.ts'
import { type Declared, readDeclared } from '../src/declared.ts'
import { STANDARD_ATTRIBUTES, scopeOf } from '../src/provisioning/attributes.ts'
import { certificateForLocalhost } from './support/tls-proxy.ts'

const KEY = 'k'.repeat(32)
const DATABASE = 'postgres://vestibule:canary-password@db.internal/vestibule'
const PRODUCTION = {
  NODE_ENV: 'production',
  DATABASE_URL: DATABASE,
  SECRET_KEY: KEY,
  PUBLIC_URL: 'https://signin.northwind.example',
}

const { cert: AUTHORITY } = certificateForLocalhost()

const IDP = 'name: acme, oidc: { issuer: "https://id.acme.example", clientId: northwind }'
const PURPOSE = 'id: recover, purpose: Recover, description: Why'
const CATEGORIES = 'piiCategories: [ { name: email } ]'
const AUTOMATION = 'name: Pages, clientId: pages, clientSecret: a secret of the pages, grantTypes: [client_credentials]'
const APPLICATION = 'name: Travel, clientId: travel, redirectUris: ["https://travel.example/callback"]'

describe('the environment', () => {
  test('an empty environment is the demo: embedded database, this machine only', () => {
    const config = read({})
    assert.equal(config.databaseUrl, undefined)
    assert.equal(config.secretKey, undefined)
    assert.equal(config.declared, undefined)
    assert.equal(config.publicUrl.href, 'http://localhost:3000/')
    const { publicUrl: _, ...rest } = config
    assert.deepEqual(rest, {
      databasePoolMax: 5,
      databaseSsl: 'auto',
      port: 3000,
      host: '127.0.0.1',
      trustProxy: 0,
      logLevel: 'warn',
      logFormat: 'pretty',
      allowPrivateIdp: true,
      flowMinutes: 30,
      production: false,
      migrateOnStart: true,
      demo: true,
      warnings: [],
    })
  })

  test('production with its three variables starts, without migrating and with logs for machines', () => {
    const config = read(PRODUCTION)
    assert.equal(config.databaseUrl, DATABASE)
    assert.equal(config.secretKey, KEY)
    assert.equal(config.publicUrl.origin, 'https://signin.northwind.example')
    assert.equal(config.host, undefined)
    assert.deepEqual(
      [config.production, config.migrateOnStart, config.logFormat, config.demo, config.warnings],
      [true, false, 'json', false, []],
    )
  })

  test('every variable is read', () => {
    const config = read({
      ...PRODUCTION,
      MIGRATION_DATABASE_URL: 'postgresql://direct.example/vestibule',
      DATABASE_POOL_MAX: '12',
      DATABASE_SSL: 'verify',
      DATABASE_CA_CERT: AUTHORITY,
      METRICS_TOKEN: 'a token of sixteen'.replaceAll(' ', '-'),
      SMTP_URL: 'smtp://no%40reply:p%23%2F%3Ass@mail.example?from=no+reply@northwind.example',
      MIGRATE_ON_START: '1',
      PORT: '8080',
      HOST: '::',
      TRUST_PROXY: '2',
      SECRET_KEY_PREVIOUS: `old-${KEY}`,
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'pretty',
      FLOW_TTL_MINUTES: '0.05',
      ALLOW_PRIVATE_IDP: '1',
    })
    assert.equal(config.migrationDatabaseUrl, 'postgresql://direct.example/vestibule')
    assert.equal(config.secretKeyPrevious, `old-${KEY}`)
    assert.deepEqual([config.databasePoolMax, config.databaseSsl, config.migrateOnStart], [12, 'verify', true])
    assert.deepEqual([config.port, config.host, config.trustProxy], [8080, '::', 2])
    assert.deepEqual([config.logLevel, config.logFormat], ['debug', 'pretty'])
    assert.equal(config.flowMinutes, 0.05)
    assert.equal(config.databaseCaCert, AUTHORITY)
    assert.equal(config.metricsToken, 'a-token-of-sixteen')
    assert.deepEqual(config.mailServer, {
      host: 'mail.example',
      port: 587,
      encryption: 'starttls',
      auth: { user: 'no@reply', pass: 'p#/:ss' },
      from: 'no+reply@northwind.example',
    })
  })

  test('letters go to a mail server encrypted, unless it is on this machine', () => {
    const server = (SMTP_URL: string) => read({ ...PRODUCTION, SMTP_URL }).mailServer
    assert.deepEqual(server('smtps://mail.example'), { host: 'mail.example', port: 465, encryption: 'tls' })
    assert.deepEqual(server('smtp://mail.example:25/'), { host: 'mail.example', port: 25, encryption: 'starttls' })
    assert.deepEqual(server('smtp://10.0.0.7'), { host: '10.0.0.7', port: 587, encryption: 'starttls' })
    for (const host of ['localhost', '127.0.0.1', '[::1]'])
      assert.equal(server(`smtp://${host}:1025`)?.encryption, 'none', host)
    assert.deepEqual(server('smtps://[2001:db8::25]'), { host: '2001:db8::25', port: 465, encryption: 'tls' })
  })

  test('what is not production is development, by its name, without one, or in tests', () => {
    for (const NODE_ENV of ['development', 'test', '', undefined]) assert.equal(read({ NODE_ENV }).demo, true, NODE_ENV)
  })

  test('a database connection that nobody verifies is warned about, and one that is verified is not', () => {
    const hosted = { ...PRODUCTION, DATABASE_URL: 'postgres://u:p@db.example/d' }
    assert.match(read(hosted).warnings.join(), /encrypted but not verified.*DATABASE_CA_CERT/)
    assert.deepEqual(read({ ...hosted, DATABASE_CA_CERT: AUTHORITY }).warnings, [])
  })

  test('the authority of the database may be on one line, with its ends of lines written out, and may be several', () => {
    const read = (DATABASE_CA_CERT: string) =>
      readConfig({ ...PRODUCTION, DATABASE_CA_CERT }, { read: () => '' }).databaseCaCert
    assert.equal(read(AUTHORITY.replaceAll('\n', '\\n')), AUTHORITY)
    assert.equal(read(AUTHORITY.replaceAll('\n', '\\r\\n')), AUTHORITY)
    const bundle = `# Region one\n${AUTHORITY}\n# Region two - new\n${certificateForLocalhost().cert}`
    assert.equal(read(bundle), bundle)
    assert.equal(read(bundle.replaceAll('\n', '\r\n')), bundle.replaceAll('\n', '\r\n'))
  })

  test('an address of a database may have signs in its password, no user, and a socket', () => {
    for (const place of [
      'u:p%23%2Fs@db:65535/d',
      'db/d?user=me@northwind',
      '/d?host=/var/run/postgresql',
      'u:p:1@[::1]:5432/d',
    ]) {
      const DATABASE_URL = `postgres://${place}`
      assert.equal(read({ ...PRODUCTION, DATABASE_URL }).databaseUrl, DATABASE_URL)
    }
  })

  test('an empty variable counts as not set', () => {
    const config = read({ DATABASE_URL: '', PORT: '', SETUP_TOKEN: '', CONFIG_FILE: '', SECRET_KEY: '', DYNO: '' })
    assert.deepEqual([config.port, config.demo, config.secretKey], [3000, true, undefined])
  })

  test('a platform that names the public address is believed, and PUBLIC_URL more', () => {
    const { PUBLIC_URL, ...rest } = PRODUCTION
    for (const [variable, value, expected] of [
      ['RENDER_EXTERNAL_URL', 'https://vestibule.onrender.example', 'https://vestibule.onrender.example'],
      ['RAILWAY_PUBLIC_DOMAIN', 'vestibule.up.railway.example', 'https://vestibule.up.railway.example'],
      ['FLY_APP_NAME', 'vestibule', 'https://vestibule.fly.dev'],
      ['HEROKU_APP_DEFAULT_DOMAIN_NAME', 'vestibule.herokuapp.example', 'https://vestibule.herokuapp.example'],
    ] as const) {
      assert.equal(read({ ...rest, [variable]: value }).publicUrl.origin, expected)
      assert.equal(read({ ...rest, [variable]: value, PUBLIC_URL }).publicUrl.origin, PUBLIC_URL)
      assert.deepEqual(
        paths(() => read({ ...rest, [variable]: `${value}/path` })),
        [variable],
      )
    }
  })

  test('behind the router of a platform one proxy is trusted', () => {
    const withDatabase = { DATABASE_URL: DATABASE, SECRET_KEY: KEY }
    for (const variable of ['DYNO', 'RENDER', 'FLY_APP_NAME', 'RAILWAY_PROJECT_ID']) {
      assert.equal(read({ ...withDatabase, [variable]: 'x' }).trustProxy, 1, variable)
      assert.equal(read({ ...withDatabase, [variable]: 'x', TRUST_PROXY: '0' }).trustProxy, 0, variable)
    }
    assert.equal(read({ ...withDatabase, KUBERNETES_SERVICE_HOST: '10.0.0.1' }).trustProxy, 0)
  })

  test('the embedded database never runs in production or on a platform', () => {
    for (const variable of ['DYNO', 'RENDER', 'FLY_APP_NAME', 'KUBERNETES_SERVICE_HOST']) {
      const [fault] = faultsOf(() => read({ [variable]: 'x' }))
      assert.equal(fault?.path, 'DATABASE_URL')
      assert.equal(
        fault.problem,
        'DATABASE_URL is not set. On Heroku: heroku addons:create heroku-postgresql:essential-0',
      )
    }
    assert.deepEqual(
      paths(() => read({ NODE_ENV: 'production', HOST: '0.0.0.0' })),
      ['DATABASE_URL', 'SECRET_KEY', 'PUBLIC_URL'],
    )
  })

  test('the demo listens on this machine only; a declared configuration ends the demo', () => {
    assert.equal(read({ HOST: 'localhost' }).host, 'localhost')
    assert.deepEqual(
      paths(() => read({ HOST: '0.0.0.0' })),
      ['HOST'],
    )
    const config = read({ HOST: '0.0.0.0', CONFIG_FILE: 'vestibule.yaml' }, { 'vestibule.yaml': '{}' })
    assert.deepEqual([config.demo, config.host, config.databaseUrl], [false, '0.0.0.0', undefined])
    assert.equal(config.declared?.organization.name, 'Vestibule')
    assert.equal(read({ DATABASE_URL: DATABASE }).demo, false)
  })

  const mistakes: [variable: string, value: string, problem: RegExp][] = [
    ['NODE_ENV', 'Production', /one of production, development, test \(did you mean production\?\)/],
    ['NODE_ENV', 'prod', /one of production, development, test/],
    ['DATABASE_URL', 'mysql://db.example/vestibule', /must be a postgres:\/\/ address/],
    ['DATABASE_URL', 'postgres://db:5432#canary@db.example/d', /has a #: .* %23/],
    ['DATABASE_URL', 'postgres://user:canary#word@db.example/d', /has a #: .* %23/],
    ['DATABASE_URL', 'postgres://db:5432/canary@db.example/d', /has a \/ before its @: .* %2F/],
    ['DATABASE_URL', 'postgres://user:canary@db.example:54320000/d', /a port that is not from 1 to 65535/],
    ['DATABASE_URL', 'postgres://user:canary@db.example:0/d', /a port that is not from 1 to 65535/],
    ['MIGRATION_DATABASE_URL', 'postgres://user:canary#word@db.example/d', /has a #: .* %23/],
    ['MIGRATION_DATABASE_URL', 'db.example', /must be a postgres:\/\/ address/],
    ['DATABASE_POOL_MAX', '0', /a whole number from 1 to 100/],
    ['DATABASE_POOL_MAX', '2.5', /a whole number/],
    ['DATABASE_SSL', 'verfy', /one of auto, off, require, verify \(did you mean verify\?\)/],
    ['PORT', '65536', /0 to 65535/],
    ['PORT', '3000x', /0 to 65535/],
    ['HOST', 'https://0.0.0.0', /without a port/],
    ['PUBLIC_URL', 'https://signin.northwind.example/', /without a path or a slash at the end/],
    ['PUBLIC_URL', 'https://northwind.example/signin', /without a path/],
    ['PUBLIC_URL', 'https://northwind.example?x=1', /without a path/],
    ['PUBLIC_URL', 'https://name:password@northwind.example', /http or https and a host/],
    ['PUBLIC_URL', 'northwind.example', /must be http or https/],
    ['PUBLIC_URL', 'ftp://northwind.example', /must be http or https/],
    ['SECRET_KEY', 'k'.repeat(31), /at least 32 characters/],
    ['SECRET_KEY_PREVIOUS', 'short', /at least 32 characters/],
    ['TRUST_PROXY', 'true', /the number of proxies/],
    ['TRUST_PROXY', '11', /0 to 10/],
    ['TRUST_PROXY', '-1', /0 to 10/],
    ['LOG_LEVEL', 'verbose', /one of silent, error, warn, info, debug/],
    ['LOG_FORMAT', 'logfmt', /one of json, pretty/],
    ['FLOW_TTL_MINUTES', '0', /above 0 and at most 240/],
    ['FLOW_TTL_MINUTES', '240.1', /above 0 and at most 240/],
    ['FLOW_TTL_MINUTES', 'Infinity', /above 0 and at most 240/],
    ['FLOW_TTL_MINUTES', '1e1', /above 0 and at most 240/],
    ['MIGRATE_ON_START', 'yes', /must be 1 or 0/],
    ['ALLOW_PRIVATE_IDP', 'on', /must be 1 or 0/],
    ['CONFIG_FILE', 'nowhere.yaml', /cannot be read \(ENOENT\)/],
    ['SETUP_TOKEN', 'x', /at least 16 characters/],
    ['SMTP_URL', 'mail.example:587', /begins with smtp:\/\/ or smtps:\/\//],
    ['SMTP_URL', 'https://mail.example', /begins with smtp:\/\/ or smtps:\/\//],
    ['SMTP_URL', 'smtp:mail.example', /begins with smtp:\/\//],
    ['SMTP_URL', 'smtp://', /must name a host/],
    ['SMTP_URL', 'smtp://user:canary@mail.example:x', /must name a host, and a port if any/],
    ['SMTP_URL', 'smtp://mail%00.example', /must name a host/],
    ['SMTP_URL', 'smtp://mail.example:0', /a port if any/],
    ['SMTP_URL', 'smtp://user:canary#word@mail.example', /has a #: .* %23/],
    ['SMTP_URL', 'smtp://user:canary/word@mail.example', /has a path: .* %2F/],
    ['SMTP_URL', 'smtp://mail.example/inbox', /has a path: .* %2F/],
    ['SMTP_URL', 'smtp://user:canary%@mail.example', /no percent-encoding: .* %25/],
    ['SMTP_URL', 'smtp://user:canary%0Aword@mail.example', /control characters/],
    ['SMTP_URL', 'smtp://user@mail.example', /a user and a password, or neither/],
    ['SMTP_URL', 'smtp://mail.example?form=post@northwind.example', /may say \?from= and one e-mail address/],
    ['SMTP_URL', 'smtp://mail.example?from=Post', /may say \?from= and one e-mail address/],
    ['SMTP_URL', 'smtp://mail.example?from=a@b.example,c@d.example', /may say \?from= and one e-mail address/],
    ['SMTP_URL', 'smtp://mail.example?from=a@b.example%0D%0ABcc:c@d.example', /may say \?from= and one e-mail/],
    ['SMTP_URL', 'smtp://mail.example?from=a@b.example&secure=0', /may say \?from= and one e-mail address/],
    ['METRICS_TOKEN', 'x', /at least 16 characters/],
    ['DATABASE_CA_CERT', 'ca.pem', /text of a certificate/],
    ['DATABASE_CA_CERT', `${AUTHORITY.slice(0, 200)}\n-----END CERTIFICATE-----\n`, /text of a certificate/],
    ['DATABASE_CA_CERT', AUTHORITY.slice(0, 200), /text of a certificate/],
    ['DATABASE_CA_CERT', AUTHORITY + AUTHORITY.slice(0, 200), /text of a certificate/],
    ['DATABASE_CA_CERT', AUTHORITY.slice(200) + AUTHORITY, /text of a certificate/],
    ['DATABASE_CA_CERT', '-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----', /text of a certificate/],
    ['DATABASE_CA_CERT', AUTHORITY.replaceAll('\n', ' '), /text of a certificate/],
  ]
  for (const [variable, value, problem] of mistakes) {
    test(`${variable}=${value.slice(0, 24)} is a fault`, () => {
      const faults = faultsOf(() => read({ ...PRODUCTION, [variable]: value }))
      assert.deepEqual(
        faults.map(({ path }) => path),
        [variable],
      )
      assert.match(faults[0]?.problem ?? '', problem)
      assert.doesNotMatch(faults[0]?.problem ?? '', /canary/)
      assert.notEqual(faults[0]?.example, '')
    })
  }

  test('plain http in production is allowed with a warning, and without one on this machine', () => {
    const [warning] = read({ ...PRODUCTION, PUBLIC_URL: 'http://signin.northwind.example' }).warnings
    assert.match(warning ?? '', /http: the network can read/)
    assert.deepEqual(read({ ...PRODUCTION, PUBLIC_URL: 'http://127.0.0.1:3000' }).warnings, [])
  })

  test('a variable with our name that means nothing is warned about, with the nearest that does', () => {
    const { warnings } = read({ VESTIBULE_PUBLIC_ULR: 'x', VESTIBULE_QQQQ: 'x' })
    assert.deepEqual(warnings, [
      'VESTIBULE_PUBLIC_ULR is not a setting (did you mean PUBLIC_URL?).',
      'VESTIBULE_QQQQ is not a setting.',
    ])
  })

  test('a made key on a disk that will be lost is warned about', () => {
    assert.match(read({ DYNO: 'web.1', DATABASE_URL: DATABASE }).warnings[0] ?? '', /^SECRET_KEY is not set/)
  })

  test('.env.example explains every variable and no other', () => {
    const written = [...source('.env.example').matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name)
    assert.deepEqual(written.sort(), [...VARIABLES].sort())
  })
})

describe('all faults at once', () => {
  const environment = {
    NODE_ENV: 'production',
    DATABASE_URL: 'mysql://root:canary-database@db.example',
    SECRET_KEY: 'canary-key',
    PORT: 'canary-port',
    CONFIG_FILE: 'vestibule.yaml',
    SHORT: 'canary-short',
  }
  const file = `
    organisation: { name: canary-organization }
    identityProviders: [ { name: "canary name", oidc: { issuer: "http://canary.example", clientId: x, clientSecret: "\${MISSING}" } } ]
    applications: [ { ${APPLICATION}, clientSecret: "\${SHORT}", identityProviders: [canary-idp] } ]
  `
  const error = caught(() => read(environment, { 'vestibule.yaml': file }))

  test('of the environment and of the file, each with its path and an example', () => {
    assert.deepEqual(
      new Set(error.faults.map(({ path }) => path)),
      new Set([
        ...['DATABASE_URL', 'SECRET_KEY', 'PORT', 'PUBLIC_URL', 'organisation', 'identityProviders[0].name'],
        ...['identityProviders[0].oidc.issuer', 'identityProviders[0].oidc.clientSecret'],
        ...['applications[0].clientSecret', 'applications[0].identityProviders[0]'],
      ]),
    )
    const printed = printFaults(error)
    assert.match(printed, /^The configuration has 10 faults\./)
    for (const { path, problem, example } of error.faults) {
      assert.ok(printed.includes(`${path}: ${problem}`))
      assert.ok(example !== '' && printed.includes(example), path)
    }
  })

  test('without repeating a single value', () => {
    assert.doesNotMatch(`${printFaults(error)}${error.stack}`, /canary/)
  })

  test('a variable that the file needs is named', () => {
    const fault = error.faults.find(({ path }) => path.endsWith('oidc.clientSecret'))
    assert.equal(fault?.problem, 'the environment variable MISSING is not set')
  })
})

describe('the configuration file', () => {
  test('the complete example has no fault and means what it says', () => {
    const env = { ACME_SECRET: 'acme-secret', TRAVEL_SECRET: 'a-secret-of-travel', PAGES_SECRET: 'a-secret-of-pages' }
    const { declared, faults, warnings } = readDeclared(source('docs/vestibule.example.yaml'), 'example.yaml', env)
    assert.deepEqual([faults, warnings], [[], []])
    const [acme] = declared?.identityProviders ?? []
    assert.equal(acme?.oidc.clientSecret, 'acme-secret')
    assert.equal(acme.claims.mappings.department, 'dept')
    assert.deepEqual([acme.claims.roles, acme.claims.roleMappings], ['groups', { 'acme-admins': 'admin' }])
    assert.deepEqual(acme.jit, {
      isEnabled: true,
      scheme: 'PROMPT_USERNAME_PASSWORD_CONSENT',
      userstore: 'As in username',
      associateLocalUser: true,
      attributeSyncMethod: 'OVERRIDE_ALL',
    })
    assert.equal('provisioning' in acme, false)
    assert.deepEqual(declared?.applications[0]?.grantTypes, ['authorization_code', 'refresh_token'])
    assert.equal(declared?.purposes[0]?.piiCategories[1]?.mandatory, false)
    assert.deepEqual(declared?.applications[0]?.identityProviders, ['acme'])
  })

  test('a file that says that it declares nothing declares the defaults, and so do keys left empty in a section', () => {
    const defaults: Declared = {
      organization: { name: 'Vestibule' },
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
      attributes: [],
      identityProviders: [],
      purposes: [],
      applications: [],
      leaves: ['organization', 'jitProvisioning', 'PRIMARY'],
    }
    assert.deepEqual(declare('{}'), defaults)
    assert.deepEqual(
      declare('organization: { contact: "", email: }\npurposes: []\nauthentication: { jit_provisioning: }\n'),
      {
        ...defaults,
        leaves: ['jitProvisioning', 'PRIMARY'],
      },
    )
    assert.deepEqual(readDeclared('purposes = []', 'deployment.toml', {}).declared, defaults)
  })

  const FILE = 'is empty, which would turn off all that it declared until now'
  for (const [fileName, text, ...empty] of [
    ['a.yaml', '', 'a.yaml'],
    ['a.yaml', '# identityProviders: …\n', 'a.yaml'],
    ['a.yaml', '---\n', 'a.yaml'],
    ['a.toml', '\n# nothing\n', 'a.toml'],
    ['a.yaml', 'identityProviders:\npurposes: []\napplications: ~\n', 'identityProviders', 'applications'],
    ['a.yaml', 'authentication: ""\n', 'authentication'],
  ] as const) {
    test(`${JSON.stringify(text)} in ${fileName} declares nothing by mistake: what is empty is a fault`, () => {
      const { declared, faults } = readDeclared(text, fileName, {})
      assert.equal(declared, undefined)
      assert.deepEqual(
        faults.map(({ path, problem }) => [path, problem]),
        empty.map((path) => [path, path === fileName ? FILE : 'has no value']),
      )
      assert.match(faults[0]?.example ?? '', /\[\]|\{\}/)
    })
  }

  test('what is left out of an identity provider and an application has a default', () => {
    const { identityProviders, applications, attributes } = declare(`
      attributes: [ { name: department } ]
      identityProviders: [ { ${IDP} } ]
      applications: [ { ${APPLICATION} } ]
    `)
    assert.deepEqual(attributes, [{ name: 'department', displayName: 'department', type: 'string' }])
    const standard = Object.keys(STANDARD_ATTRIBUTES)
    assert.deepEqual(identityProviders, [
      {
        name: 'acme',
        displayName: 'acme',
        isEnabled: true,
        requireSecondFactor: false,
        oidc: {
          issuer: 'https://id.acme.example',
          clientId: 'northwind',
          scopes: ['openid', 'profile', 'email'],
        },
        claims: {
          username: 'preferred_username',
          mappings: Object.fromEntries(standard.map((claim) => [claim, claim])),
          roleMappings: {},
        },
        jit: {
          isEnabled: false,
          scheme: 'PROVISION_SILENTLY',
          userstore: 'PRIMARY',
          associateLocalUser: false,
          attributeSyncMethod: 'OVERRIDE_ALL',
        },
      },
    ])
    assert.deepEqual(applications, [
      {
        name: 'Travel',
        clientId: 'travel',
        grantTypes: ['authorization_code', 'refresh_token'],
        scopes: [],
        redirectUris: ['https://travel.example/callback'],
        postLogoutRedirectUris: [],
        requireLocalUser: false,
        requireSecondFactor: false,
        requirePkce: true,
      },
    ])
  })

  test('given mappings replace the default wholly', () => {
    const { identityProviders } = declare(`identityProviders: [ { ${IDP}, claims: { mappings: { email: mail } } } ]`)
    assert.deepEqual(identityProviders[0]?.claims.mappings, { email: 'mail' })
  })

  test('roles of theirs may be called anything, ours have 1 to 255 characters, and a claim may map nothing', () => {
    const long = '😀'.repeat(255)
    const keys = `roles: groups, roleMappings: { "cn=a,dc=b": ${long}, constructor: "two words", Internal/x: admin }`
    // A rule that lets everything pass: the store's own of 3 to 30 characters without spaces is another matter.
    const loose =
      "userStores: [ { name: PRIMARY, properties: { RolenameJavaRegEx: '.*', RolenameJavaScriptRegEx: '.*' } } ]"
    const { identityProviders } = declare(`${claims(keys)}\n${loose}`)
    const roleMappings = { 'cn=a,dc=b': long, constructor: 'two words', 'Internal/x': 'admin' }
    assert.deepEqual(identityProviders[0]?.claims.roleMappings, roleMappings)
    assert.deepEqual(declare(claims('roles: groups')).identityProviders[0]?.claims.roleMappings, {})
    assert.deepEqual(declare(claims('roleMappings: {}')).identityProviders[0]?.claims.roleMappings, {})
  })

  test('the text of an issuer is kept as it is', () => {
    for (const issuer of ['https://ID.acme.example:443/Realm/', 'http://127.0.0.1:9000', 'http://[::1]:9000/']) {
      const text = `identityProviders: [ { name: a, oidc: { issuer: "${issuer}", clientId: x } } ]`
      const { declared } = readDeclared(text, 'vestibule.yaml', { ALLOW_PRIVATE_IDP: '1' })
      assert.equal(declared?.identityProviders[0]?.oidc.issuer, issuer)
    }
  })

  test('an issuer is not the address at which it describes itself', () => {
    const issuer = 'https://id.acme.example/realm/.well-known/openid-configuration'
    const text = `identityProviders: [ { name: acme, oidc: { issuer: "${issuer}", clientId: x } } ]`
    const { faults } = readDeclared(text, 'vestibule.yaml', {})
    const said = 'is where it describes itself; the issuer is what it calls itself there'
    assert.deepEqual(
      faults.map(({ path, problem }) => [path, problem]),
      [['identityProviders[0].oidc.issuer', said]],
    )
  })

  test('an issuer on this machine or in a private network has to be allowed', () => {
    const hosts = [
      ...['localhost', 'LOCALHOST:9000', 'id.localhost', 'localhost.', '127.0.0.1', '2130706433', '0x7f.1', '10.1.2.3'],
      ...['169.254.169.254', '168.63.129.16', '[::1]', '[::ffff:8.8.8.8]', '[fd00:ec2::254]', '0', '100.100.100.200'],
    ]
    for (const issuer of hosts.flatMap((host) => [`https://${host}/realm`, `http://${host}`])) {
      const text = `identityProviders: [ { name: acme, oidc: { issuer: "${issuer}", clientId: x } } ]`
      const { faults } = readDeclared(text, 'vestibule.yaml', {})
      const [fault] = faults
      assert.deepEqual([faults.length, fault?.path], [1, 'identityProviders[0].oidc.issuer'], issuer)
      assert.match(fault?.problem ?? '', /private network, which has to be allowed/, issuer)
      assert.equal(fault?.example, 'ALLOW_PRIVATE_IDP=1', issuer)
      const allowed = readDeclared(text, 'vestibule.yaml', { ALLOW_PRIVATE_IDP: '1' })
      assert.deepEqual(allowed.faults, [], issuer)
    }
  })

  test('the demo may reach its own idp, and nothing else may unless it is allowed', () => {
    assert.equal(read({}).allowPrivateIdp, true)
    assert.equal(read({ ALLOW_PRIVATE_IDP: '0' }).allowPrivateIdp, false)
    assert.equal(read({ CONFIG_FILE: 'a.yaml' }, { 'a.yaml': '{}' }).allowPrivateIdp, false)
    assert.equal(read(PRODUCTION).allowPrivateIdp, false)
    assert.equal(read({ ...PRODUCTION, ALLOW_PRIVATE_IDP: '1' }).allowPrivateIdp, true)
  })

  test('ALLOW_PRIVATE_IDP lets an issuer be plain http, with a warning', () => {
    const text = 'identityProviders: [ { name: acme, oidc: { issuer: "http://id.internal", clientId: x } } ]'
    const { declared, warnings } = readDeclared(text, 'vestibule.yaml', { ALLOW_PRIVATE_IDP: '1' })
    assert.equal(declared?.identityProviders.length, 1)
    assert.match(warnings[0] ?? '', /^Identity provider acme is reached without https/)
    const config = read({ ALLOW_PRIVATE_IDP: '1', CONFIG_FILE: 'a.yaml' }, { 'a.yaml': text })
    assert.deepEqual(config.warnings, warnings)
  })

  test('an application can lead to a private scheme, to this machine, and to https', () => {
    const uris = [
      'com.example.travel:/callback',
      'http://127.0.0.1:8000/cb?x=1',
      'http://[::1]/cb',
      'https://a.example',
    ]
    const text = `applications: [ { name: a, clientId: a, redirectUris: ${JSON.stringify(uris)} } ]`
    assert.deepEqual(declare(text).applications[0]?.redirectUris, uris)
  })

  test('the two pages may be elsewhere, at an origin of the list, and on this machine without https', () => {
    const pages =
      'username_provisioning_url: "https://pages.example/a/register", password_provisioning_url: /join/signup'
    const { jitProvisioning } = declare(jit(`allowed_page_origins: ["https://pages.example"], ${pages}`))
    assert.equal(jitProvisioning.usernameProvisioningUrl, 'https://pages.example/a/register')
    const local =
      'allowed_page_origins: ["http://127.0.0.1:8000"], password_provisioning_url: "http://127.0.0.1:8000/signup"'
    assert.equal(declare(jit(local)).jitProvisioning.passwordProvisioningUrl, 'http://127.0.0.1:8000/signup')
  })

  test('an application may act for itself, with scopes and without an address, or sign people in as well', () => {
    const [pages] = declare(`applications: [ { ${AUTOMATION}, scopes: [internal_flow_answer] } ]`).applications
    assert.deepEqual(
      [pages?.grantTypes, pages?.scopes, pages?.redirectUris],
      [['client_credentials'], ['internal_flow_answer'], []],
    )
    const both = `${APPLICATION}, clientSecret: sixteen-letters-, grantTypes: [authorization_code, client_credentials]`
    assert.equal(declare(`applications: [ { ${both} } ]`).applications[0]?.grantTypes.length, 2)
  })

  test('a confidential application may go without PKCE', () => {
    const text = `applications: [ { ${APPLICATION}, clientSecret: sixteen-letters-, requirePkce: "false" } ]`
    assert.equal(declare(text).applications[0]?.requirePkce, false)
  })

  test('the environment stands inside any text, and an empty variable is a missing one', () => {
    const text = `organization: { name: "\${A} and \${B}" }`
    const env = { A: 'Ada', B: `\${A} $& "quoted"` }
    assert.equal(readDeclared(text, 'a.yaml', env).declared?.organization.name, `Ada and \${A} $& "quoted"`)
    assert.match(readDeclared(text, 'a.yaml', { A: 'Ada', B: '' }).faults[0]?.problem ?? '', /variable B is not set/)
    assert.match(
      readDeclared(`organization: { name: "\${constructor}" }`, 'a.yaml', {}).faults[0]?.problem ?? '',
      /not set/,
    )
  })

  test('with one dollar more it is text', () => {
    const text = `organization: { name: "$\${A} is \${A}, $$\${A} has a dollar more, and $\${ is open" }`
    const { declared } = readDeclared(text, 'a.yaml', { A: 'Ada' })
    assert.equal(declared?.organization.name, `\${A} is Ada, $\${A} has a dollar more, and \${ is open`)
  })

  test('text that no database keeps is a fault', () => {
    for (const text of ['organization: { name: "a\\0b" }', 'organization: { contact: "\\uD800" }']) {
      const { faults } = readDeclared(text, 'a.yaml', {})
      assert.match(faults[0]?.problem ?? '', /a character that cannot be kept/)
    }
  })

  // biome-ignore format: one row, one line
  const mistakes: [title: string, text: string, path: string, problem: RegExp][] = [
    ['a list at the top', '- a', 'vestibule.yaml', /must be a map/],
    ['an unknown section', 'identityProvider: []', 'identityProvider', /did you mean identityProviders\?/],
    ['an unknown key', `identityProviders: [{ ${IDP}, isEnabeld: true } ]`, 'identityProviders[0].isEnabeld', /isEnabled\?/],
    ['a key in another style', 'authentication: { jit_provisioning: { usernameProvisioningUrl: /a } }', 'authentication.jit_provisioning.usernameProvisioningUrl', /did you mean username_provisioning_url\?/],
    ['a number as text', 'organization: { name: 5 }', 'organization.name', /must be text, in quotes/],
    ['text as a section', 'organization: Northwind', 'organization', /must be a map/],
    ['text as a list', 'purposes: recover', 'purposes', /must be a list/],
    ['an empty entry', 'purposes: [ ~ ]', 'purposes[0]', /is empty/],
    ['a script as privacy policy', 'organization: { privacyPolicyUrl: "javascript:alert(1)" }', 'organization.privacyPolicyUrl', /https or http address/],
    ['a page without a slash', jit('username_provisioning_url: register.do'), 'authentication.jit_provisioning.username_provisioning_url', /path of this product/],
    ['a page at a taken path', jit('username_provisioning_url: /OAuth2/authorize'), 'authentication.jit_provisioning.username_provisioning_url', /path of this product/],
    ['a page where a door is', jit('username_provisioning_url: /authenticationendpoint/enter.do'), 'authentication.jit_provisioning.username_provisioning_url', /path of this product/],
    ...['authenticationendpoint/totp.do', 'authenticationendpoint/email_otp.do', 'AuthenticationEndpoint/Backup_Code.do', 'authenticationendpoint/totp_enroll.do', 'authenticationendpoint/email_otp_enroll.do', 'appearance/x', 'theme']
      .map((path): [string, string, string, RegExp] => [`a page at /${path}`, jit(`password_provisioning_url: /${path}`), 'authentication.jit_provisioning.password_provisioning_url', /path of this product/]),
    ['a page that climbs', jit('username_provisioning_url: /a/../console'), 'authentication.jit_provisioning.username_provisioning_url', /path of this product/],
    ['a page with a query', jit('password_provisioning_url: "/a?b"'), 'authentication.jit_provisioning.password_provisioning_url', /path of this product/],
    ['a page elsewhere that is on no list', jit('username_provisioning_url: "https://pages.example/register"'), 'authentication.jit_provisioning.username_provisioning_url', /allowed_page_origins/],
    ['a page at another port than the list says', jit('allowed_page_origins: ["https://pages.example"], password_provisioning_url: "https://pages.example:8443/signup"'), 'authentication.jit_provisioning.password_provisioning_url', /allowed_page_origins/],
    ['a page whose host only begins like one of the list', jit('allowed_page_origins: ["https://pages.example"], password_provisioning_url: "https://pages.example.evil.example/signup"'), 'authentication.jit_provisioning.password_provisioning_url', /allowed_page_origins/],
    ['a page without https', jit('allowed_page_origins: ["https://pages.example"], password_provisioning_url: "http://pages.example/signup"'), 'authentication.jit_provisioning.password_provisioning_url', /path of this product/],
    ['a page without a scheme', jit('password_provisioning_url: //pages.example/signup'), 'authentication.jit_provisioning.password_provisioning_url', /path of this product/],
    ['a page elsewhere with a query', jit('allowed_page_origins: ["https://pages.example"], password_provisioning_url: "https://pages.example/signup?key=a"'), 'authentication.jit_provisioning.password_provisioning_url', /path of this product/],
    ['a page elsewhere with a name', jit('allowed_page_origins: ["https://pages.example"], password_provisioning_url: "https://pages.example@evil.example/signup"'), 'authentication.jit_provisioning.password_provisioning_url', /path of this product/],
    ['an origin with a slash', jit('allowed_page_origins: ["https://pages.example/"]'), 'authentication.jit_provisioning.allowed_page_origins[0]', /without a path or a slash/],
    ['an origin without https', jit('allowed_page_origins: ["http://pages.example"]'), 'authentication.jit_provisioning.allowed_page_origins[0]', /must be https/],
    ['any origin', jit('allowed_page_origins: ["https://*.example"]'), 'authentication.jit_provisioning.allowed_page_origins[0]', /must be https/],
    ['one page for both', jit('username_provisioning_url: /accountrecoveryendpoint/Signup.do'), 'authentication.jit_provisioning.password_provisioning_url', /must differ/],
    ['a capital in an attribute', 'attributes: [ { name: Department } ]', 'attributes[0].name', /a-z 0-9 _/],
    ['a standard claim as an attribute', 'attributes: [{ name: email } ]', 'attributes[0].name', /not a standard or protocol claim/],
    ['a protocol claim as an attribute', 'attributes: [{ name: sub } ]', 'attributes[0].name', /not a standard or protocol claim/],
    ['an inherited name as an attribute', 'attributes: [{ name: constructor } ]', 'attributes[0].name', /not a standard/],
    ['an attribute twice', 'attributes: [{ name: a }, { name: a } ]', 'attributes[1].name', /the same as attributes\[0\]\.name/],
    ['an attribute that is no text', 'attributes: [{ name: a, type: number } ]', 'attributes[0].type', /one of string/],
    ['a name with a slash', 'identityProviders: [{ name: a/b, oidc: { issuer: "https://a.example", clientId: x } } ]', 'identityProviders[0].name', /1 to 63/],
    ['the same name in capitals', `identityProviders: [{ ${IDP} }, { ${IDP.replace('acme', 'ACME')} } ]`, 'identityProviders[1].name', /the same as identityProviders\[0\]\.name/],
    ['no oidc', 'identityProviders: [ { name: acme } ]', 'identityProviders[0].oidc', /is missing/],
    ['a plain issuer', oidc('issuer: "http://id.acme.example", clientId: x'), 'identityProviders[0].oidc.issuer', /https address/],
    ['an issuer with a query', oidc('issuer: "https://id.acme.example/?a=b", clientId: x'), 'identityProviders[0].oidc.issuer', /https address/],
    ['an issuer with an empty fragment', oidc('issuer: "https://id.acme.example/#", clientId: x'), 'identityProviders[0].oidc.issuer', /https address/],
    ['an issuer with a name', oidc('issuer: "https://localhost@id.acme.example", clientId: x'), 'identityProviders[0].oidc.issuer', /https address/],
    ['no client id', oidc('issuer: "https://id.acme.example"'), 'identityProviders[0].oidc.clientId', /is missing/],
    ['scopes without openid', oidc('issuer: "https://id.acme.example", clientId: x, scopes: [email]'), 'identityProviders[0].oidc.scopes', /must contain openid/],
    ['a mapping of an unknown attribute', `identityProviders: [{ ${IDP}, claims: { mappings: { emial: mail } } } ]`, 'identityProviders[0].claims.mappings.emial', /did you mean email\?/],
    ['roles without a claim that carries them', claims('roleMappings: { a: admin }'), 'identityProviders[0].claims.roleMappings', /does nothing without roles/],
    ['an empty roles claim', claims('roles: ~'), 'identityProviders[0].claims.roles', /is empty/],
    ['a role with a domain', claims('roles: groups, roleMappings: { a: Internal/admin }'), 'identityProviders[0].claims.roleMappings.a', /no domain/],
    ['a role that is blank', claims('roles: groups, roleMappings: { a: " " }'), 'identityProviders[0].claims.roleMappings.a', /1 to 255/],
    ['a role of 256 characters', claims(`roles: groups, roleMappings: { a: "${'x'.repeat(256)}" }`), 'identityProviders[0].claims.roleMappings.a', /1 to 255/],
    ['a role with a line break', claims('roles: groups, roleMappings: { a: "ad\\nmin" }'), 'identityProviders[0].claims.roleMappings.a', /control characters/],
    ['a role that is half a character', claims('roles: groups, roleMappings: { a: "\\uD800" }'), 'identityProviders[0].claims.roleMappings.a', /1 to 255/],
    ['a role that is a list', claims('roles: groups, roleMappings: { a: [admin] }'), 'identityProviders[0].claims.roleMappings.a', /must be text/],
    ['a role of theirs without a name', claims('roles: groups, roleMappings: { "": admin }'), 'identityProviders[0].claims.roleMappings.…', /must name a role of theirs/],
    ['roles in a list', claims('roles: groups, roleMappings: [ admin ]'), 'identityProviders[0].claims.roleMappings', /must be a map/],
    ['a prototype as a role of theirs', claims('roles: groups, roleMappings: { __proto__: admin }'), 'identityProviders[0].claims.roleMappings.__proto__', /unknown key/],
    ['the claim of roles as an attribute', 'attributes: [{ name: roles } ]', 'attributes[0].name', /not a standard or protocol claim/],
    ['an unknown scheme', `identityProviders: [{ ${IDP}, provisioning: { jit: { scheme: PROMPT_CONSNET } } } ]`, 'identityProviders[0].provisioning.jit.scheme', /did you mean PROMPT_CONSENT\?/],
    ['a wrong boolean', `identityProviders: [{ ${IDP}, isEnabled: "yes" } ]`, 'identityProviders[0].isEnabled', /true or false/],
    ['a purpose id with a capital', `purposes: [{ ${PURPOSE.replace('recover', 'Recover')}, ${CATEGORIES} } ]`, 'purposes[0].id', /1 to 40/],
    ['a purpose twice', `purposes: [{ ${PURPOSE}, ${CATEGORIES} }, { ${PURPOSE}, ${CATEGORIES} } ]`, 'purposes[1].id', /the same as/],
    ['a long description', `purposes: [{ id: a, purpose: a, description: "${'x'.repeat(601)}", ${CATEGORIES} } ]`, 'purposes[0].description', /1 to 600/],
    ['a purpose for nothing', `purposes: [{ ${PURPOSE}, piiCategories: [] } ]`, 'purposes[0].piiCategories', /must name an attribute/],
    ['a purpose for an unknown attribute', `purposes: [{ ${PURPOSE}, piiCategories: [{ name: phone_nubmer } ] } ]`, 'purposes[0].piiCategories[0].name', /did you mean phone_number\?/],
    ['a purpose for an inherited name', `purposes: [{ ${PURPOSE}, piiCategories: [{ name: toString } ] } ]`, 'purposes[0].piiCategories[0].name', /not the name of an attribute/],
    ['an attribute twice in a purpose', `purposes: [{ ${PURPOSE}, piiCategories: [{ name: email }, { name: email } ] } ]`, 'purposes[0].piiCategories[1].name', /the same as/],
    ['a day that is none', `purposes: [{ ${PURPOSE}, ${CATEGORIES}, acceptBy: 2027-02-30 } ]`, 'purposes[0].acceptBy', /a day as YYYY-MM-DD/],
    ['a moment for a day', `purposes: [{ ${PURPOSE}, ${CATEGORIES}, acceptBy: "2027-01-31T10:00:00Z" } ]`, 'purposes[0].acceptBy', /a day as YYYY-MM-DD/],
    ['an empty reason', `purposes: [{ ${PURPOSE}, ${CATEGORIES}, wordingOnly: " " } ]`, 'purposes[0].wordingOnly', /1 to 200/],
    ['a language that is none', `purposes: [{ ${PURPOSE}, ${CATEGORIES}, translations: { german: { purpose: a, description: b } } } ]`, 'purposes[0].translations.german', /not the tag of a language/],
    ['a language in another way of writing', 'attributes: [{ name: a, translations: { de-at: Abteilung } } ]', 'attributes[0].translations.de-at', /is written de-AT/],
    ['a language with an underscore', 'attributes: [{ name: a, translations: { de_AT: Abteilung } } ]', 'attributes[0].translations.de_AT', /not the tag of a language/],
    ['an inherited name as a language', 'attributes: [{ name: a, translations: { toString: Abteilung } } ]', 'attributes[0].translations.toString', /not the tag of a language/],
    ['an empty translation', 'attributes: [{ name: a, translations: { de: " " } } ]', 'attributes[0].translations.de', /1 to 100/],
    ['a translation without words', `purposes: [{ ${PURPOSE}, ${CATEGORIES}, translations: { de: { purpose: a, description: "" } } } ]`, 'purposes[0].translations.de.description', /1 to 600/],
    ['half a translation', `purposes: [{ ${PURPOSE}, ${CATEGORIES}, translations: { de: { purpose: a } } } ]`, 'purposes[0].translations.de.description', /is missing/],
    ['translations as text', `purposes: [{ ${PURPOSE}, ${CATEGORIES}, translations: de } ]`, 'purposes[0].translations', /map of languages/],
    ['an unknown key of a translation', `purposes: [{ ${PURPOSE}, ${CATEGORIES}, translations: { de: { purpose: a, description: b, descripton: b } } } ]`, 'purposes[0].translations.de.descripton', /did you mean description\?/],
    ['an application twice', `applications: [{ ${APPLICATION} }, { ${APPLICATION} } ]`, 'applications[1].clientId', /the same as/],
    ['a short secret', `applications: [{ ${APPLICATION}, clientSecret: fifteen-letters } ]`, 'applications[0].clientSecret', /16 to 500/],
    ['a secret with a line break', `applications: [{ ${APPLICATION}, clientSecret: "sixteen-letters-\\n" } ]`, 'applications[0].clientSecret', /printable/],
    ['nowhere to go', 'applications: [{ name: a, clientId: a, redirectUris: [] } ]', 'applications[0].redirectUris', /must have an address/],
    ['an unknown identity provider', `identityProviders: [{ ${IDP} } ]\napplications: [{ ${APPLICATION}, identityProviders: [acne] } ]`, 'applications[0].identityProviders[0]', /did you mean acme\?/],
    ['a public application without PKCE', `applications: [{ ${APPLICATION}, requirePkce: false } ]`, 'applications[0].requirePkce', /only for an application with a clientSecret/],
    ['an unknown grant', `applications: [{ ${APPLICATION}, grantTypes: [authorization_code, implicit] } ]`, 'applications[0].grantTypes[1]', /one of authorization_code/],
    ['a grant that needs another', `applications: [{ ${APPLICATION}, grantTypes: [refresh_token] } ]`, 'applications[0].grantTypes', /must have authorization_code or client_credentials/],
    ['an application that acts for itself without a secret', 'applications: [{ name: a, clientId: a, grantTypes: [client_credentials] } ]', 'applications[0].clientSecret', /without one there are no client_credentials/],
    ['an unknown scope', `applications: [{ ${AUTOMATION}, scopes: [internal_flow_anwser] } ]`, 'applications[0].scopes[0]', /did you mean internal_flow_answer\?/],
    ['a scope that nothing uses', `applications: [{ ${APPLICATION}, scopes: [internal_flow_answer] } ]`, 'applications[0].scopes', /do nothing without client_credentials/],
    ['people to vouch for without saying whose', `applications: [{ ${AUTOMATION}, scopes: [internal_flow_create], redirectUris: ["https://a.example/back"] } ]`, 'applications[0].identityProviders', /vouches for the people of these/],
    ['people to vouch for without a way back', `identityProviders: [{ ${IDP} } ]\napplications: [{ ${AUTOMATION}, scopes: [internal_flow_create], identityProviders: [acme] } ]`, 'applications[0].redirectUris', /must have an address/],
    ['people to vouch for with a private scheme as way back', `identityProviders: [{ ${IDP} } ]\napplications: [{ ${AUTOMATION}, scopes: [internal_flow_create], identityProviders: [acme], redirectUris: ["a.b:/back"] } ]`, 'applications[0].redirectUris', /must be https/],
    ['a variable that is no name', `organization: { name: "\${not a name}" }`, 'organization.name', /name of an environment variable/],
    ['a prototype', '__proto__: { admin: true }', '__proto__', /unknown key/],
    ['a prototype deep down', `identityProviders: [{ ${IDP}, claims: { mappings: { __proto__: x } } } ]`, 'identityProviders[0].claims.mappings.__proto__', /unknown key/],
    ['a constructor', 'constructor: { prototype: { admin: true } }', 'constructor', /unknown key/],
  ]
  for (const [title, text, path, problem] of mistakes) {
    test(`${title} is a fault`, () => {
      const { declared, faults } = readDeclared(text, 'vestibule.yaml', {})
      assert.equal(declared, undefined)
      assert.deepEqual(
        faults.map((fault) => fault.path),
        [path],
      )
      assert.match(faults[0]?.problem ?? '', problem)
      assert.notEqual(faults[0]?.example, '')
    })
  }

  for (const uri of [
    ...[
      'http://travel.example/',
      'https://travel.example/#x',
      'https://travel.example/#',
      '/callback',
      'javascript:alert(1)',
    ],
    ...[
      'https:travel.example',
      'https://travel.example\\@evil.example',
      'https://*.travel.example/',
      'myapp:/callback',
    ],
    ...[
      'https://a b.example/',
      'http://127.0.0.1.evil.example/',
      'https://name@travel.example/',
      'data:text/html,x',
      '',
    ],
  ]) {
    test(`an application cannot lead to "${uri}"`, () => {
      for (const key of ['redirectUris', 'postLogoutRedirectUris']) {
        const others = key === 'redirectUris' ? 'name: a, clientId: a' : APPLICATION
        const { faults } = readDeclared(
          `applications: [ { ${others}, ${key}: [${JSON.stringify(uri)}] } ]`,
          'a.yaml',
          {},
        )
        assert.deepEqual(
          faults.map(({ path }) => path),
          [`applications[0].${key}[0]`],
        )
      }
    })
  }
})

describe('syntax', () => {
  const mistakes: [title: string, fileName: string, text: string, path: string][] = [
    ['a bracket that is not closed', 'a.yaml', 'organization: [', 'a.yaml:1:16'],
    ['a key twice', 'a.yaml', 'purposes: []\npurposes: []', 'a.yaml:2:1'],
    ['a star without quotes', 'a.yaml', 'organization:\n  name: *canary', 'a.yaml:2:9'],
    ['a tag that nobody knows', 'a.yaml', 'organization: !canary {}', 'a.yaml:1:15'],
    ['an escape that nobody knows', 'a.yaml', 'organization: { name: "\\qcanary" }', 'a.yaml:1:24'],
    ['a forgotten space', 'a.yaml', 'organization:\n  name:canary\n  email: x', 'a.yaml:2:3'],
    ['two documents', 'a.yaml', '--- {}\n--- {}', 'a.yaml:2:1'],
    ['a TOML value without quotes', 'a.toml', '[organization]\nname = canary', 'a.toml:2:8'],
    ['a TOML key twice', 'a.toml', '[organization]\nname = "canary"\nname = "canary"', 'a.toml:3:1'],
    ['TOML that nests for ever', 'a.toml', `a = ${'['.repeat(50_000)}`, ''],
    ['YAML that nests for ever', 'a.yaml', '['.repeat(20_000), ''],
    ['aliases that grow', 'a.yaml', bomb(), 'a.yaml'],
    ['an alias that holds itself', 'a.yaml', 'purposes: &a [*a, *a, *a]', 'purposes[0]'],
  ]
  for (const [title, fileName, text, path] of mistakes) {
    test(`${title} is a fault with its place, and without the text`, () => {
      const { declared, faults } = readDeclared(text, fileName, {})
      assert.equal(declared, undefined)
      assert.ok(faults[0]?.path.startsWith(path), faults[0]?.path)
      assert.ok(faults[0]?.problem)
      assert.doesNotMatch(JSON.stringify(faults), /canary/)
    })
  }

  test('a forgotten space between braces does not print the secret behind it', () => {
    const text = `applications: [ { ${APPLICATION}, clientSecret:canary } ]`
    const { faults } = readDeclared(text, 'a.yaml', {})
    assert.deepEqual(
      faults.map(({ path }) => path),
      ['applications[0].clientSecret…'],
    )
    assert.doesNotMatch(JSON.stringify(faults), /canary/)
  })

  test('a byte order mark is no mistake', () => {
    assert.equal(declare('\uFEFForganization: { name: Northwind }').organization.name, 'Northwind')
  })
})

describe('a deployment.toml of the reference, pasted as it stands', () => {
  test('its own pages work, and booleans may be text', () => {
    const text = `
[authentication.jit_provisioning]
enable_enhanced_feature = "false"
username_provisioning_url = "/join/register.do"
password_provisioning_url = "/join/signup.do"

[[identityProviders]]
name = "acme"
isEnabled = "false"
oidc = { issuer = "https://id.acme.example", clientId = "northwind" }
provisioning.jit = { isEnabled = "true", associateLocalUser = "true" }
`
    const { declared, faults } = readDeclared(text, 'conf/deployment.toml', {})
    assert.deepEqual(faults, [])
    assert.deepEqual(declared?.jitProvisioning, {
      usernameProvisioningUrl: '/join/register.do',
      passwordProvisioningUrl: '/join/signup.do',
      allowedPageOrigins: [],
      unknownUserStore: 'PRIMARY',
      reservedUsernames: [],
      enableEnhancedFeature: false,
      showFailureReason: false,
      requireSecondFactor: false,
    })
    assert.equal(declared?.identityProviders[0]?.isEnabled, false)
    assert.equal(declared?.identityProviders[0]?.jit.isEnabled, true)
    assert.equal(declared?.identityProviders[0]?.jit.associateLocalUser, true)
  })

  test('pages at an address that is on no list are refused, with the list to write', () => {
    const text = `
[authentication.jit_provisioning]
username_provisioning_url = "https://localhost:9443/accountrecoveryendpoint/register.do"
`
    assert.deepEqual(readDeclared(text, 'deployment.toml', {}).faults, [
      {
        path: 'authentication.jit_provisioning.username_provisioning_url',
        problem: 'is not at one of the allowed_page_origins',
        example: 'allowed_page_origins: ["https://pages.example"]',
      },
    ])
  })

  test('a section that is not ours is refused', () => {
    const { faults } = readDeclared('[server]\nhostname = "a"\n[authentcation]\n', 'deployment.toml', {})
    assert.deepEqual(
      faults.map(({ path, problem }) => [path, problem]),
      [
        ['server', 'unknown key'],
        ['authentcation', 'unknown key (did you mean authentication?)'],
      ],
    )
  })
})

describe('user stores', () => {
  const store = (properties: string, name = 'STAFF') =>
    `userStores: [ { name: ${name}, properties: { ${properties} } } ]`
  const only = (text: string) => {
    const { declared, faults } = readDeclared(text, 'a.yaml', {})
    assert.equal(declared, undefined, text)
    assert.equal(faults.length, 1, JSON.stringify(faults))
    return faults[0] ?? assert.fail()
  }

  test('are PRIMARY alone unless others are declared, and PRIMARY is first and there in any case', () => {
    const names = (text: string) => declare(text).userStores.map(({ name }) => name)
    assert.deepEqual(names('{}'), ['PRIMARY'])
    assert.deepEqual(names('userStores: [ { name: STAFF } ]'), ['PRIMARY', 'STAFF'])
    assert.deepEqual(names('userStores: [ { name: STAFF }, { name: PRIMARY, type: postgres } ]'), ['PRIMARY', 'STAFF'])
  })

  test('have their properties in both spellings of the reference, read without case', () => {
    for (const spelling of ['UsernameJavaRegEx', 'UserNameJavaRegEx', 'usernamejavaregex'])
      assert.deepEqual(declare(store(`${spelling}: '^[a-z]{3,30}$'`)).userStores[1]?.properties, {
        UsernameJavaRegEx: '^[a-z]{3,30}$',
      })
    const all = declare(
      store(`RoleNameJavaScriptRegEx: '^[\\S]{3,30}$', PasswordJavaRegEx: '^[\\S ]{5,30}$',
        PasswordJavaRegExViolationErrorMsg: "Five, please", CaseInsensitiveUsername: false`),
    )
    assert.deepEqual(all.userStores[1]?.properties, {
      RolenameJavaScriptRegEx: '^[\\S]{3,30}$',
      PasswordJavaRegEx: '^[\\S ]{5,30}$',
      PasswordJavaRegExViolationErrorMsg: 'Five, please',
      CaseInsensitiveUsername: 'false',
    })
  })

  test('are pasted from TOML as they stand', () => {
    const { declared } = readDeclared(
      `[[userStores]]\nname = "STAFF"\n[userStores.properties]\nUsernameJavaRegEx = "^[\\\\S]{3,30}$"\nCaseInsensitiveUsername = "false"\n`,
      'deployment.toml',
      {},
    )
    assert.deepEqual(declared?.userStores[1]?.properties, {
      UsernameJavaRegEx: '^[\\S]{3,30}$',
      CaseInsensitiveUsername: 'false',
    })
  })

  // biome-ignore format: one row, one line
  const wrong: [what: string, text: string, path: string, problem: RegExp][] = [
    ['a property that there is none of', store("UsernameRegEx: 'x'"), 'userStores[0].properties.UsernameRegEx', /^unknown property \(did you mean Username/],
    ['a property in two spellings', store("UsernameJavaRegEx: 'a', UserNameJavaRegEx: 'b'"), 'userStores[0].properties.UserNameJavaRegEx', /twice/],
    ['an expression that is a number', store('UsernameJavaRegEx: 5'), 'userStores[0].properties.UsernameJavaRegEx', /text, in quotes/],
    ['an expression that is never closed', store("UsernameJavaRegEx: '[a-z'"), 'userStores[0].properties.UsernameJavaRegEx', /^at character \d+: /],
    ['an expression that refers back', store("UsernameJavaRegEx: '(a)\\1'"), 'userStores[0].properties.UsernameJavaRegEx', /^at character 4: /],
    ['an expression that is possessive', store("PasswordJavaRegEx: '.{15,}+'"), 'userStores[0].properties.PasswordJavaRegEx', /^at character \d+: /],
    ['a sentence of nothing', store('UsernameJavaRegExViolationErrorMsg: " "'), 'userStores[0].properties.UsernameJavaRegExViolationErrorMsg', /sentence/],
    ['cases that are perhaps', store('CaseInsensitiveUsername: maybe'), 'userStores[0].properties.CaseInsensitiveUsername', /true or false/],
    ['properties that are text', 'userStores: [ { name: STAFF, properties: x } ]', 'userStores[0].properties', /map/],
    ['a name in small letters', 'userStores: [ { name: staff } ]', 'userStores[0].name', /A-Z/],
    ['a name that is reserved', 'userStores: [ { name: INTERNAL } ]', 'userStores[0].name', /not INTERNAL/],
    ['a name that is reserved for roles', 'userStores: [ { name: APPLICATION } ]', 'userStores[0].name', /APPLICATION/],
    ['a name that is reserved for workflows', 'userStores: [ { name: WORKFLOW } ]', 'userStores[0].name', /WORKFLOW/],
    ['a name with a slash', 'userStores: [ { name: A/B } ]', 'userStores[0].name', /A-Z/],
    ['a name twice', 'userStores: [ { name: STAFF }, { name: STAFF } ]', 'userStores[1].name', /the same/],
    ['a setting that does not exist', jit('unknown_user_store: create'), 'authentication.jit_provisioning.unknown_user_store', /one of PRIMARY, refuse/],
    ['an idp that sends people to no store', provisioning('userstore: STAFFF'), 'identityProviders[0].provisioning.jit.userstore', /not the name of a user store/],
  ]
  for (const [what, text, path, problem] of wrong) {
    test(`${what} is a fault at its place`, () => {
      const fault = only(text)
      assert.equal(fault.path, path)
      assert.match(fault.problem, problem)
      assert.notEqual(fault.example, '')
    })
  }

  test('refuse a role that an idp would grant against their rule, wherever its people may go', () => {
    const text = (userstore: string, role: string) => `
userStores: [ { name: STAFF, properties: { RolenameJavaRegEx: '^[a-z]{3,8}$', RolenameJavaRegExViolationErrorMsg: Three to eight letters } } ]
identityProviders:
  - { ${IDP}, claims: { roles: groups, roleMappings: { theirs: ${role} } }, provisioning: { jit: { userstore: ${userstore} } } }`
    for (const userstore of ['STAFF', 'As in username']) {
      assert.deepEqual(only(text(userstore, 'editor-in-chief')), {
        path: 'identityProviders[0].claims.roleMappings.theirs',
        problem: 'the role is against the rule of the user store STAFF',
        example: 'Three to eight letters',
      })
      declare(text(userstore, 'editor'))
    }
    declare(text('PRIMARY', 'editor-in-chief'))
    // Three characters are the least in every store that says nothing else.
    assert.match(only(text('PRIMARY', 'ed')).problem, /user store PRIMARY/)
  })

  test('warn of a password rule that no password of ours could keep', () => {
    const warnings = (pattern: string) => readDeclared(store(`PasswordJavaRegEx: '${pattern}'`), 'a.yaml', {}).warnings
    assert.deepEqual(warnings('^[\\S]{5,12}$'), [
      'The password rule of the user store STAFF seems to let no password of 15 characters or more pass.',
    ])
    for (const pattern of ['^[\\S]{5,30}$', '^((?=.*\\d)(?=.*[a-z])(?=.*[A-Z])).{8,100}$', '.{120,128}'])
      assert.deepEqual(warnings(pattern), [], pattern)
  })

  test('are named by idps, or names say which: "As in username", in whatever case', () => {
    const where = (userstore: string) =>
      declare(`{ userStores: [ { name: STAFF } ], ${provisioning(`userstore: ${userstore}`).replace(/\n/g, ' ')} }`)
        .identityProviders[0]?.jit.userstore
    assert.equal(where('STAFF'), 'STAFF')
    assert.equal(where('PRIMARY'), 'PRIMARY')
    assert.equal(where('As in username'), 'As in username')
    assert.equal(where('AS IN USERNAME'), 'As in username')
  })
})

test('a purpose says until when its change can be put off, and why nobody is asked about its words, in YAML and TOML', () => {
  const yaml = `purposes: [{ ${PURPOSE}, ${CATEGORIES}, acceptBy: 2027-01-31, wordingOnly: a slip } ]`
  const toml = (day: string) =>
    `[[purposes]]\nid = "recover"\npurpose = "Recover"\ndescription = "Why"\nacceptBy = ${day}\nwordingOnly = "a slip"\n[[purposes.piiCategories]]\nname = "email"\n`
  for (const [text, name] of [
    [yaml, 'a.yaml'],
    [toml('2027-01-31'), 'a.toml'],
    [toml('"2027-01-31"'), 'a.toml'],
  ] as const) {
    const { declared, faults } = readDeclared(text, name, {})
    assert.deepEqual(faults, [])
    const { acceptBy, wordingOnly } = declared?.purposes[0] ?? {}
    assert.deepEqual({ acceptBy, wordingOnly }, { acceptBy: '2027-01-31', wordingOnly: 'a slip' })
  }
})

describe('what is not in this version', () => {
  // biome-ignore format: one row, one line
  const cases: [line: string, refused: string[], harmless: string[]][] = [
    ['userStores[].type', ['userStores: [{ name: PRIMARY, type: ldap } ]'], ['userStores: [{ name: PRIMARY, type: postgres } ]']],
    ['identityProviders[].formerName', [`identityProviders: [ { ${IDP}, formerName: old } ]`], []],
    ['identityProviders[].oidc.redirectPath', [oidc('issuer: "https://a.example", clientId: x, redirectPath: /commonauth')], []],
    ['applications[].scopes', [`applications: [ { ${AUTOMATION}, scopes: [internal_idp_view, internal_flow_answer] } ]`], [`applications: [ { ${AUTOMATION}, scopes: [internal_flow_answer] } ]`]],
  ]

  test('has a test for each of its lines', () => {
    assert.deepEqual(cases.map(([line]) => line).sort(), NOT_IN_THIS_VERSION.map(({ path }) => path).sort())
  })

  for (const [line, refused, harmless] of cases) {
    test(`${line} is refused with what to write instead, and its harmless values are accepted`, () => {
      for (const text of refused) {
        const { declared, faults } = readDeclared(text, 'a.yaml', {})
        assert.equal(declared, undefined)
        assert.deepEqual(
          faults.map(({ path }) => path),
          [line.replaceAll('[]', '[0]')],
          text,
        )
        assert.match(faults[0]?.problem ?? '', /not in this version/)
        assert.notEqual(faults[0]?.example, '')
      }
      for (const text of harmless) declare(text)
    })
  }
})

describe('small rules', () => {
  test('an attribute is released under the scope that asks for it', () => {
    assert.deepEqual(['name', 'email', 'phone_number', 'address', 'department', 'constructor'].map(scopeOf), [
      'profile',
      'email',
      'phone',
      'address',
      'profile',
      'profile',
    ])
  })

  test('only a word that is really near is suggested', () => {
    assert.equal(nearest('nmae', ['id', 'name']), 'name')
    assert.equal(nearest('FLOW-TTL-MINUTES', ['FLOW_TTL_MINUTES']), 'FLOW_TTL_MINUTES')
    assert.equal(nearest('kind', ['id', 'name']), undefined)
    assert.equal(nearest('name', []), undefined)
  })
})

function read(env: Record<string, string | undefined>, files: Record<string, string> = {}): Config {
  return readConfig(env, {
    read(path) {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error(`no such file ${path}`), { code: 'ENOENT' })
      return text
    },
  })
}

function declare(text: string): Declared {
  const { declared, faults } = readDeclared(text, 'vestibule.yaml', {})
  assert.deepEqual(faults, [], text)
  assert.ok(declared)
  return declared
}

function caught(attempt: () => unknown): ConfigFaults {
  try {
    attempt()
  } catch (error) {
    if (error instanceof ConfigFaults) return error
    throw error
  }
  throw new Error('no fault was found')
}

function faultsOf(attempt: () => unknown): readonly Fault[] {
  return caught(attempt).faults
}

function paths(attempt: () => unknown): string[] {
  return faultsOf(attempt).map(({ path }) => path)
}

function source(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
}

function jit(keys: string): string {
  return `authentication: { jit_provisioning: { ${keys} } }`
}

function oidc(keys: string): string {
  return `identityProviders: [ { name: acme, oidc: { ${keys} } } ]`
}

function claims(keys: string): string {
  return `identityProviders: [ { ${IDP}, claims: { ${keys} } } ]`
}

function provisioning(keys: string): string {
  return `identityProviders: [ { ${IDP}, provisioning: { jit: { ${keys} } } } ]`
}

function bomb(): string {
  const lines = [...'bcdefgh'].map((name, index) => `${name}: &${name} [${`*${'abcdefg'[index]},`.repeat(9)}]`)
  return ['a: &a [x, x, x, x, x, x, x, x, x]', ...lines].join('\n')
}
