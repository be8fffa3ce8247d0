// Pages that hold everything a page can hold: what the check of a theme prints its templates with. Made-up data alone.
import type { AttributeOnPage, LoginPage, Message, PromptPage } from '../web/page.ts'
import type { Views } from '../web/views.ts'

/** In every value, so that one that is printed as markup shows. */
export const MARK = '"<i>'
const marked = (text: string) => `${text}${MARK}`

const problem: Message = { key: 'USERNAME_TAKEN', values: { name: marked('asha') } }
const tick: Message = { key: 'CONSENT_NEEDED', values: { attribute: marked('Email') } }

const attributes: AttributeOnPage[] = [
  {
    id: 'consent-a-email',
    label: { key: 'attribute.email' },
    needed: true,
    value: { kind: 'text', text: marked('asha@acme.example') },
    box: { value: 'a:email', ticked: false, problem: tick },
  },
  {
    id: 'consent-a-birthdate',
    label: marked('Birthday'),
    needed: false,
    value: { kind: 'date', iso: '1990-05-17' },
    box: { value: 'a:birthdate', ticked: true },
  },
  {
    id: 'consent-a-phone',
    label: { key: 'attribute.phone_number' },
    needed: true,
    box: { value: 'a:phone', ticked: false },
    input: {
      id: 'attribute-phone',
      name: 'attribute.phone',
      value: marked('1'),
      type: 'tel',
      autocomplete: 'tel',
      problem,
    },
  },
  { id: 'consent-a-department', label: marked('Department'), needed: false },
  {
    id: 'consent-a-groups',
    label: marked('Groups'),
    needed: false,
    value: { kind: 'list', items: Array.from({ length: 7 }, (_, index) => marked(`Group ${index}`)) },
    box: { value: 'a:groups', ticked: false },
  },
]

const prompt: PromptPage = {
  application: marked('Travel'),
  organization: marked('Northwind'),
  idp: marked('Acme'),
  heading: { key: 'register.title', values: { app: marked('Travel') } },
  signedInAs: marked('asha@acme.example'),
  switchHref: '/authenticationendpoint/login.do?sessionDataKey=1',
  openUntil: new Date('2030-01-01T12:00:00Z'),
  form: {
    action: '/accountrecoveryendpoint/register.do',
    csrf: marked('csrf'),
    sessionDataKey: marked('key'),
    notice: marked('notice'),
    memory: marked('memory'),
    stay: '/accountrecoveryendpoint/stay',
  },
  problems: [
    { field: 'username', message: problem },
    { field: 'new-password', message: { key: 'PW_SHORT', values: { n: 15 } } },
    { field: 'consent-a-email', message: tick },
  ],
  changed: { key: 'CHANGED' },
  username: {
    kind: 'asked',
    value: marked('asha'),
    problem,
    suggestions: [marked('asha2'), 'asha3'],
    status: '/accountrecoveryendpoint/username-status',
    hints: [{ key: 'username.hint.store', values: { store: marked('STAFF') } }],
  },
  password: { min: 15, problem: { key: 'PW_SHORT', values: { n: 15 } }, again: false },
  consent: {
    privacyPolicyUrl: 'https://northwind.example/privacy',
    purposes: [{ id: 'a', purpose: marked('Office'), description: marked('So that'), attributes }],
  },
  roles: [marked('Clerk')],
}
const { password: _password, consent: _consent, changed: _changed, ...bare } = prompt
const plain: PromptPage = { ...bare, problems: [], roles: [], username: { kind: 'shown', value: marked('asha') } }
const first: PromptPage = {
  ...prompt,
  problems: [],
  username: { kind: 'asked', value: '', suggestions: [], status: '/status', hints: [] },
  password: { min: 15, again: false },
  consent: { purposes: [{ id: 'a', purpose: 'Office', description: 'So that', attributes: attributes.slice(3) }] },
}

const login: LoginPage = {
  application: marked('Travel'),
  idps: [{ displayName: marked('Acme'), href: '/authenticationendpoint/login.do?idp=acme' }],
  local: {
    action: '/authenticationendpoint/login.do',
    csrf: marked('csrf'),
    sessionDataKey: marked('key'),
    username: marked('asha'),
    hints: [{ key: 'login.hint', values: { store: marked('STAFF') } }],
    problems: [{ field: 'username', message: { key: 'SIGNIN_FAILED' } }],
  },
}

/** Prints each of them in turn. */
export const specimens: ((views: Views, language: string) => string)[] = [
  (views, language) => views.render('register', prompt, language),
  (views, language) => views.render('register', first, language),
  (views, language) => views.render('signup', prompt, language),
  (views, language) => views.render('signup', { ...plain, password: { min: 15, again: true } }, language),
  (views, language) => views.render('signup', plain, language),
  (views, language) => views.render('login', login, language),
  (views, language) =>
    views.render('login', { ...login, idps: [], local: { ...login.local, hints: [], problems: [] } }, language),
  (views, language) =>
    views.render(
      'message',
      {
        title: { key: 'page.expired.title' },
        body: [{ key: 'page.expired.body', values: { n: 30 } }],
        actions: [
          {
            label: { key: 'action.again', values: { idp: marked('Acme') } },
            href: '/authenticationendpoint/login.do?a=1&b=2',
          },
          { label: { key: 'action.return', values: { app: marked('Travel') } }, href: 'https://travel.example/' },
        ],
        reference: marked('7f3a'),
      },
      language,
    ),
  (views, language) =>
    views.render(
      'message',
      { title: { key: 'page.working.title' }, body: [{ key: 'page.working.body' }], actions: [] },
      language,
    ),
  (views, language) =>
    views.render(
      'continue',
      { application: marked('Travel'), href: 'https://travel.example/?code=1&state=2' },
      language,
    ),
  (views, language) => views.render('continue', { application: '', href: 'com.travel.app:/callback' }, language),
  (views, language) =>
    views.render(
      'logout',
      { application: marked('Travel'), action: '/oidc/logout/confirm', xsrf: marked('token') },
      language,
    ),
  (views, language) => views.render('logout', { action: '/oidc/logout/confirm', xsrf: marked('token') }, language),
]
