// The specimens of register.do and signup.do before anybody has answered them.
import type { PromptPage } from '../web/page.ts'
import {
  address,
  birthdate,
  department,
  email,
  groups,
  inFrench,
  leftEmpty,
  long,
  longest,
  missingPhone,
  office,
  phone,
  recover,
  twelve,
} from './attributes.ts'
import { OPEN_UNTIL, type PageState, state } from './state.ts'

export const values = { app: 'Travel', org: 'Northwind' }
export const privacyPolicyUrl = 'https://northwind.example/privacy'

const connectHref = '/accountrecoveryendpoint/connect.do/sign-in?sessionDataKey=f1'

export const status = '/accountrecoveryendpoint/username-status'

export const first: PromptPage = {
  application: 'Travel',
  organization: 'Northwind',
  idp: 'Acme',
  heading: { key: 'register.title', values },
  signedInAs: 'asha.rao@acme.example',
  switchHref: '/authenticationendpoint/login.do?sessionDataKey=f1&idp=acme&prompt=select_account',
  openUntil: OPEN_UNTIL,
  form: {
    action: '/accountrecoveryendpoint/register.do',
    csrf: 'token',
    sessionDataKey: 'f1',
    notice: 'hash',
    memory: 'kF3vYw0qS8dLrT5bNzXc1A',
    stay: '/accountrecoveryendpoint/stay',
  },
  problems: [],
  username: { kind: 'asked', value: 'asha', suggestions: [], status, hints: [] },
  password: { min: 15, again: false },
  consent: { privacyPolicyUrl, purposes: [recover(email, phone), office(birthdate, department)] },
  actions: { create: { key: 'actions.create' }, decline: { key: 'actions.decline' } },
  roles: [],
}
export const { password: _password, ...withoutPassword } = first
const { consent: _consent, ...withoutConsent } = first
const { password: _none, ...withoutPasswordOrConsent } = withoutConsent
export const signupForm = { ...first.form, action: '/accountrecoveryendpoint/signup.do' }
export const shown = { kind: 'shown', value: 'asha' } as const
/** While the enhanced feature is on. */
const fixed = { kind: 'shown', value: '9dee9636-5016-890f-90f9-9f51bc25f60f', fixed: true } as const

/** Somebody who has an account is asked about a change. */
export const changed: PromptPage = {
  ...withoutPassword,
  form: signupForm,
  heading: { key: 'signup.title.changed', values: { n: 1 } },
  username: shown,
  change: { mayPutOff: true },
  actions: { create: { key: 'actions.save' }, decline: { key: 'actions.later' } },
  consent: { privacyPolicyUrl, purposes: [recover(leftEmpty(phone, 'change.empty.as-before'))] },
}

export const inStaff = { key: 'username.hint.store', values: { store: 'STAFF' } }

/** Before anybody has answered. */
export const firstPrompts: PageState[] = [
  state('register', 'first view', first),
  state('register', 'an account can be connected', { ...first, connectHref }),
  state('register', 'the username is an id', { ...first, username: fixed }),
  state('register', 'a needed value that the idp did not send; odd values', {
    ...first,
    consent: { purposes: [recover(email, missingPhone), office(groups, address, department)] },
  }),
  state('register', 'nothing to agree to', { ...withoutConsent, password: { min: 15, again: false } }),
  state('register', 'the idp sent nothing', {
    ...first,
    username: { kind: 'asked', value: '', suggestions: [], status, hints: [] },
    consent: { privacyPolicyUrl, purposes: [recover(missingPhone), office(department)] },
  }),
  state('register', 'twelve details', {
    ...first,
    consent: { privacyPolicyUrl, purposes: [recover(...twelve.slice(0, 4)), office(...twelve.slice(4))] },
  }),
  state('register', 'values of 255 characters', {
    ...first,
    application: longest('Travel '),
    organization: longest('Northwind '),
    idp: longest('Acme '),
    heading: { key: 'register.title', values: { app: longest('Travel '), org: longest('Northwind ') } },
    signedInAs: longest('asha.rao'),
    username: { kind: 'asked', value: longest('asha'), suggestions: [longest('asha2')], status, hints: [inStaff] },
    consent: {
      privacyPolicyUrl,
      purposes: [{ ...office(...long), purpose: longest('Office '), description: longest('So that ') }],
    },
  }),
  state('register', 'words in another language than the page', {
    ...first,
    consent: { privacyPolicyUrl, purposes: [recover(email), inFrench] },
  }),
  state('register', 'fifty roles of 255 characters', {
    ...first,
    roles: Array.from({ length: 50 }, (_, index) => `role-${index}-`.padEnd(255, 'r')),
  }),
  state('signup', 'password and consent', {
    ...first,
    form: signupForm,
    heading: { key: 'signup.title.password', values },
    username: shown,
  }),
  state('signup', 'consent only', {
    ...withoutPassword,
    form: signupForm,
    heading: { key: 'signup.title.consent', values },
    username: shown,
    connectHref,
  }),
  state('signup', 'consent only, and the username is an id', {
    ...withoutPassword,
    form: signupForm,
    heading: { key: 'signup.title.consent', values },
    username: { ...fixed, value: `STAFF/${fixed.value}` },
  }),
  state('signup', 'twelve details', {
    ...withoutPassword,
    form: signupForm,
    heading: { key: 'signup.title.consent', values },
    username: shown,
    consent: { privacyPolicyUrl, purposes: [recover(...twelve.slice(0, 4)), office(...twelve.slice(4))] },
  }),
  state('signup', 'nothing to tick', {
    ...withoutPasswordOrConsent,
    form: signupForm,
    heading: { key: 'signup.title.plain', values },
    username: shown,
    roles: ['engineer', 'مهندس'],
  }),
  state('signup', 'a purpose changed', changed),
  state('signup', 'purposes changed, until a day', {
    ...changed,
    heading: { key: 'signup.title.changed', values: { n: 2 } },
    change: { mayPutOff: true, until: '2027-03-31' },
    consent: {
      privacyPolicyUrl,
      purposes: [
        recover(leftEmpty(email, 'change.empty.as-before'), leftEmpty(missingPhone, 'change.empty.not-kept')),
        office(
          leftEmpty(groups, 'change.empty.deleted'),
          leftEmpty(address, 'change.empty.kept-elsewhere'),
          department,
        ),
      ],
    },
  }),
]
