// What the demonstration declares: five identity providers, one per mode, two purposes and one application.
import { type Declared, type DeclaredIdp, REGISTER, SIGNUP } from '../declared.ts'
import type { Mode } from './personas.ts'
import { modes } from './personas.ts'

// Names that read well in the sentences of the pages, "You signed in with Acme (silent)".
const JIT: Record<Mode, { displayName: string; isEnabled: boolean; scheme: DeclaredIdp['jit']['scheme'] }> = {
  none: { displayName: 'Acme (no provisioning)', isEnabled: false, scheme: 'PROVISION_SILENTLY' },
  silent: { displayName: 'Acme (silent)', isEnabled: true, scheme: 'PROVISION_SILENTLY' },
  consent: { displayName: 'Acme (consent)', isEnabled: true, scheme: 'PROMPT_CONSENT' },
  password: { displayName: 'Acme (password)', isEnabled: true, scheme: 'PROMPT_PASSWORD_CONSENT' },
  username: { displayName: 'Acme (username)', isEnabled: true, scheme: 'PROMPT_USERNAME_PASSWORD_CONSENT' },
}

const ROLES = { roles: 'groups', roleMappings: { 'acme-engineers': 'engineer' } }
const SENT = ['name', 'given_name', 'family_name', 'email', 'phone_number', 'department']

export interface DemoClient {
  mode: Mode
  clientId: string
  clientSecret: string
}

/** The declaration of the demo on these addresses; `clients` are those of the demo's identity provider. */
export function demoDeclared(
  issuer: string,
  clients: DemoClient[],
  application: { url: string; clientId: string; clientSecret: string },
): Declared {
  return {
    organization: { name: 'Northwind' },
    jitProvisioning: {
      usernameProvisioningUrl: REGISTER,
      passwordProvisioningUrl: SIGNUP,
      allowedPageOrigins: [],
      unknownUserStore: 'PRIMARY',
      reservedUsernames: [],
      enableEnhancedFeature: false,
      showFailureReason: false,
      requireSecondFactor: false,
    },
    userStores: [{ name: 'PRIMARY', properties: {} }],
    attributes: [
      { name: 'department', displayName: 'Department', type: 'string', translations: { de: 'Abteilung', ar: 'القسم' } },
    ],
    identityProviders: modes.map((mode) => {
      const { displayName, isEnabled, scheme } = JIT[mode]
      const { clientId = '', clientSecret = '' } = clients.find((client) => client.mode === mode) ?? {}
      return {
        name: mode,
        displayName,
        isEnabled: true,
        requireSecondFactor: false,
        oidc: { issuer, clientId, clientSecret, scopes: ['openid', 'profile', 'email', 'phone'] },
        claims: {
          username: 'preferred_username',
          mappings: Object.fromEntries(SENT.map((name) => [name, name])),
          ...(mode === 'username' ? ROLES : { roleMappings: {} }),
        },
        jit: {
          isEnabled,
          scheme,
          userstore: 'PRIMARY',
          associateLocalUser: false,
          attributeSyncMethod: 'OVERRIDE_ALL',
        },
      }
    }),
    purposes: [
      {
        id: 'recover',
        purpose: 'Recover your account',
        description: 'So that we can help you if you lose your password',
        translations: {
          de: {
            purpose: 'Ihr Konto wiederherstellen',
            description: 'Damit wir Ihnen helfen können, wenn Sie Ihr Passwort verlieren',
          },
          ar: { purpose: 'استعادة حسابك', description: 'كي نتمكن من مساعدتك عند فقدان كلمة المرور' },
        },
        piiCategories: [
          { name: 'email', mandatory: true },
          { name: 'phone_number', mandatory: false },
        ],
      },
      {
        id: 'office',
        purpose: 'Show you the right office',
        description: 'So that prices and news fit where you work',
        translations: {
          de: {
            purpose: 'Ihnen das richtige Büro zeigen',
            description: 'Damit Preise und Neuigkeiten zu Ihrem Arbeitsort passen',
          },
          ar: { purpose: 'عرض المكتب المناسب لك', description: 'كي تناسب الأسعار والأخبار مكان عملك' },
        },
        piiCategories: [
          { name: 'name', mandatory: false },
          { name: 'department', mandatory: false },
        ],
      },
    ],
    applications: [
      {
        name: 'Travel',
        clientId: application.clientId,
        clientSecret: application.clientSecret,
        grantTypes: ['authorization_code', 'refresh_token'],
        scopes: [],
        redirectUris: [`${application.url}/callback`],
        postLogoutRedirectUris: [`${application.url}/`],
        requireLocalUser: false,
        requireSecondFactor: false,
        requirePkce: true,
      },
    ],
  }
}
