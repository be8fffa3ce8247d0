// Every page in every state that a person can meet: what tests of the views render.
import type { AttributeOnPage, MessagePage, PromptPage } from '../../src/web/page.ts'
import type { Pages, ViewName, Views } from '../../src/web/views.ts'

export interface PageState {
  name: string
  view: ViewName
  /** Renders it, with every page changed first if `change` is given. */
  render(views: Views, change?: <T>(page: T) => T, language?: string, here?: string): string
}

function state<V extends ViewName>(view: V, name: string, page: Pages[V]): PageState {
  return {
    name: `${view}: ${name}`,
    view,
    render: (views, change = (same) => same, language = 'en', here) => views.render(view, change(page), language, here),
  }
}

const email: AttributeOnPage = {
  id: 'consent-recover-email',
  label: { key: 'attribute.email' },
  needed: true,
  value: { kind: 'text', text: 'asha.rao@acme.example' },
  box: { value: 'recover:email', ticked: false },
}
const phone: AttributeOnPage = {
  id: 'consent-recover-phone_number',
  label: { key: 'attribute.phone_number' },
  needed: false,
  value: { kind: 'text', text: '+44 7700 900123' },
  box: { value: 'recover:phone_number', ticked: false },
}
const department: AttributeOnPage = { id: 'consent-office-department', label: 'Department', needed: false }
const birthdate: AttributeOnPage = {
  id: 'consent-office-birthdate',
  label: { key: 'attribute.birthdate' },
  needed: false,
  value: { kind: 'date', iso: '1990-05-17' },
  box: { value: 'office:birthdate', ticked: false },
}
const groups: AttributeOnPage = {
  id: 'consent-office-groups',
  label: 'Groups',
  needed: false,
  value: { kind: 'list', items: ['Sales EMEA', 'Fire wardens', 'Book club', 'مجموعة', 'Chess', 'Bees', 'Running'] },
  box: { value: 'office:groups', ticked: false },
}
const address: AttributeOnPage = {
  id: 'consent-office-address',
  label: { key: 'attribute.address' },
  needed: false,
  value: { kind: 'text', text: `12 Rue de la Très Longue Avenue ${'au bord de la rivière '.repeat(12)}` },
  box: { value: 'office:address', ticked: false },
}
const missingPhone: AttributeOnPage = {
  id: 'consent-recover-phone_number',
  label: { key: 'attribute.phone_number' },
  needed: true,
  box: { value: 'recover:phone_number', ticked: false },
  input: {
    id: 'attribute-phone_number',
    name: 'attribute.phone_number',
    value: '',
    type: 'tel',
    autocomplete: 'tel',
  },
}

/** As many as one printed page has to hold. */
const twelve = Array.from({ length: 12 }, (_, index): AttributeOnPage => {
  const name = `detail ${index + 1}`
  return {
    id: `consent-office-${index}`,
    label: `Your ${name}`,
    needed: index % 2 === 0,
    value: { kind: 'text', text: `The value of ${name}` },
    box: { value: `office:detail-${index}`, ticked: false },
  }
})

function recover(...attributes: AttributeOnPage[]) {
  const description = 'So that we can help you if you lose your password'
  return { id: 'recover', purpose: 'Recover your account', description, attributes }
}
function office(...attributes: AttributeOnPage[]) {
  const description = 'So that prices and news fit where you work'
  return { id: 'office', purpose: 'Show you the right office', description, attributes }
}

const values = { app: 'Travel', org: 'Northwind' }
const privacyPolicyUrl = 'https://northwind.example/privacy'

const status = '/accountrecoveryendpoint/username-status'

const first: PromptPage = {
  application: 'Travel',
  organization: 'Northwind',
  idp: 'Acme',
  heading: { key: 'register.title', values },
  signedInAs: 'asha.rao@acme.example',
  switchHref: '/authenticationendpoint/login.do?sessionDataKey=f1&idp=acme&prompt=select_account',
  openUntil: new Date('2027-03-04T14:32:10Z'),
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
  roles: [],
}
const { password: _password, ...withoutPassword } = first
const { consent: _consent, ...withoutPasswordOrConsent } = withoutPassword
const signupForm = { ...first.form, action: '/accountrecoveryendpoint/signup.do' }
const shown = { kind: 'shown', value: 'asha' } as const

const taken = { key: 'USERNAME_TAKEN', values: { name: 'asha' } }
const short = { key: 'PW_SHORT', values: { n: 15 } }
const tick = { key: 'CONSENT_NEEDED', values: { attribute: 'Email address' } }
const untypedPhone = { key: 'ATTR_EMPTY', values: { attribute: 'Mobile number' } }
const noStore = { key: 'STORE_UNKNOWN', values: { prefix: 'NOPE', list: ['STAFF', 'CUSTOMERS'] } }
const ownRule = { key: 'USERNAME_POLICY', sentence: 'Username must be 3 to 30 letters, digits, dots or dashes' }
const hints = [{ key: 'username.hint.domain', values: { store: 'STAFF' } }]
const inStaff = { key: 'username.hint.store', values: { store: 'STAFF' } }
const suggestions = ['asha2', 'asha.rao', 'rao.asha']

const wrong: PromptPage = {
  ...first,
  problems: [
    { field: 'username', message: taken },
    { field: 'new-password', message: short },
    { field: email.id, message: tick },
  ],
  username: { kind: 'asked', value: 'asha', problem: taken, suggestions, status, hints: [] },
  password: { min: 15, problem: short, again: false },
  consent: {
    privacyPolicyUrl,
    purposes: [
      recover(
        { ...email, box: { value: 'recover:email', ticked: false, problem: tick } },
        { ...phone, box: { value: 'recover:phone_number', ticked: true } },
      ),
      office(birthdate, department),
    ],
  },
}

function whole(name: string, given: Record<string, string | number>, ...actions: MessagePage['actions']): MessagePage {
  const message = (part: string) => ({ key: `page.${name}.${part}`, values: given })
  return { title: message('title'), body: [message('body')], actions, reference: '7f3a-91c2' }
}

const again = {
  label: { key: 'action.again', values: { idp: 'Acme' } },
  href: '/authenticationendpoint/login.do?a=1&b=2',
}
const home = { label: { key: 'action.go', values: { app: 'Travel' } }, href: 'https://travel.example/' }
const retry = { label: { key: 'action.retry' }, href: '/accountrecoveryendpoint/register.do?sessionDataKey=f1' }
const back = {
  label: { key: 'action.return', values: { app: 'Travel' } },
  href: '/commonauth?sessionDataKey=f1&leave=1',
}

const onward = { label: { key: 'action.continue', values: { app: 'Travel' } }, href: 'https://travel.example/' }

/** The states of a page before anybody has answered it. */
export const firstViews: PageState[] = [
  state('register', 'first view', first),
  state('register', 'a needed value that the idp did not send; odd values', {
    ...first,
    consent: { purposes: [recover(email, missingPhone), office(groups, address, department)] },
  }),
  state('register', 'twelve details', {
    ...first,
    consent: { privacyPolicyUrl, purposes: [recover(...twelve.slice(0, 4)), office(...twelve.slice(4))] },
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
  }),
  state('signup', 'nothing to tick', {
    ...withoutPasswordOrConsent,
    form: signupForm,
    heading: { key: 'signup.title.plain', values },
    username: shown,
    roles: ['engineer', 'مهندس'],
  }),
  state('login', 'first view', {
    application: 'Travel',
    idps: [
      { displayName: 'Acme', href: '/authenticationendpoint/login.do?sessionDataKey=f1&idp=acme' },
      { displayName: 'Google', href: '/authenticationendpoint/login.do?sessionDataKey=f1&idp=google' },
    ],
    local: {
      action: '/authenticationendpoint/login.do',
      csrf: 'token',
      sessionDataKey: 'f1',
      username: '',
      hints: [],
      problems: [],
    },
  }),
]

/** The same pages after an answer that did not do. */
export const secondViews: PageState[] = [
  state('register', 'three problems', wrong),
  state('register', 'the password was fine', {
    ...wrong,
    problems: wrong.problems.filter(({ field }) => field === 'username'),
    password: { min: 15, again: true },
    consent: first.consent ?? { purposes: [] },
  }),
  state('register', 'a value that was not typed', {
    ...first,
    problems: [{ field: 'attribute-phone_number', message: untypedPhone }],
    consent: {
      purposes: [
        recover({
          ...missingPhone,
          box: { value: 'recover:phone_number', ticked: true },
          input: {
            id: 'attribute-phone_number',
            name: 'attribute.phone_number',
            value: '',
            type: 'tel',
            autocomplete: 'tel',
            problem: untypedPhone,
          },
        }),
      ],
    },
  }),
  state('register', 'changed meanwhile', { ...first, changed: { key: 'CHANGED' }, password: { min: 15, again: true } }),
  state('register', 'a name that says where it goes', {
    ...first,
    problems: [{ field: 'username', message: noStore }],
    username: { kind: 'asked', value: 'NOPE/asha', problem: noStore, suggestions: ['STAFF/asha'], status, hints },
  }),
  state('register', 'a name against the rule of its store', {
    ...first,
    problems: [{ field: 'username', message: ownRule }],
    username: { kind: 'asked', value: 'asha_rao', problem: ownRule, suggestions, status, hints: [inStaff] },
  }),
  state('signup', 'the suggested name is taken', {
    ...withoutPassword,
    form: signupForm,
    heading: { key: 'signup.title.consent', values },
    problems: [{ field: 'username', message: taken }],
    username: { kind: 'asked', value: 'asha', problem: taken, suggestions, status, hints: [] },
  }),
  state('login', 'wrong password', {
    application: 'Travel',
    idps: [],
    local: {
      action: '/authenticationendpoint/login.do',
      csrf: 'token',
      sessionDataKey: 'f1',
      username: 'asha',
      hints: [{ key: 'login.hint', values: { store: 'STAFF' } }],
      problems: [{ field: 'username', message: { key: 'SIGNIN_FAILED' } }],
    },
  }),
]

/** The pages without a form of ours. */
export const otherViews: PageState[] = [
  state('message', 'expired', whole('expired', { n: 30 }, again)),
  state('message', 'declined', whole('declined', { idp: 'Acme' }, back, again)),
  state('message', 'not found', whole('notfound', {})),
  state('message', 'cookies blocked', whole('cookies', { host: 'signin.northwind.example' }, home)),
  state('message', 'the application has moved', whole('moved', { app: 'Travel', org: 'Northwind' }, home)),
  state('message', 'finished', whole('finished', {}, onward)),
  state('message', 'on its way', whole('working', {})),
  state('message', 'a problem of ours', whole('problem', {})),
  state('message', 'too many tries', whole('too-many', { n: 3 }, retry)),
  state('message', 'open for too long', whole('stay', {})),
  state('message', 'refused', whole('LOCAL_USER_REQUIRED', { idp: 'Acme', org: 'Northwind' }, back)),
  state('continue', 'leaving', { application: 'Travel', href: 'https://travel.example/callback?code=c&state=s' }),
  state('continue', 'to nobody in particular', { application: '', href: 'com.travel.app:/callback?code=c' }),
  state('logout', 'an application asked', { application: 'Travel', action: '/oidc/logout/confirm', xsrf: 'token' }),
  state('logout', 'nobody in particular asked', { action: '/oidc/logout/confirm', xsrf: 'token' }),
]

export const allStates: PageState[] = [...firstViews, ...secondViews, ...otherViews]
