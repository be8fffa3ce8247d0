// The specimens of login.do, of the ways out, and of every page without a form.
import { statePage } from '../web/errors.ts'
import type { Action, LoginPage, Message } from '../web/page.ts'
import { longest } from './attributes.ts'
import { type PageState, state } from './state.ts'

const login: LoginPage = {
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
}

function answered(message: Message): LoginPage {
  const hints = [{ key: 'login.hint', values: { store: 'STAFF' } }]
  return { ...login, local: { ...login.local, username: 'asha', hints, problems: [{ field: 'username', message }] } }
}

export const firstLogins: PageState[] = [
  state('login', 'first view', login),
  state('login', 'a password alone', { ...login, idps: [] }),
  state('login', 'twelve ways, and long names', {
    ...login,
    application: longest('Travel '),
    idps: Array.from({ length: 12 }, (_, index) => ({
      displayName: index < 10 ? `Acme ${index + 1}` : longest('Acme'),
      href: `/authenticationendpoint/login.do?sessionDataKey=f1&idp=acme-${index}`,
    })),
  }),
]

export const answeredLogins: PageState[] = [
  state('login', 'wrong password', { ...answered({ key: 'SIGNIN_FAILED' }), idps: [] }),
  state('login', 'too many tries', answered({ key: 'TOO_MANY', values: { n: 3 } })),
]

const values = { app: 'Travel', org: 'Northwind', idp: 'Acme', host: 'signin.northwind.example', n: 30 }

/** Where a sign-in ended, or goes on. */
function ending(name: string, code: string, ...actions: Action[]): PageState {
  return state('message', name, statePage(code, values, actions))
}

/** Of a request that could not be answered, of no sign-in that is known: with the id to quote. */
function error(name: string, code: string, ...actions: Action[]): PageState {
  return state('message', name, statePage(code, values, actions, '7f3a91c2'), null)
}

const again = {
  label: { key: 'action.again', values: { idp: 'Acme' } },
  href: '/authenticationendpoint/login.do?a=1&b=2',
}
const home = { label: { key: 'action.go', values: { app: 'Travel' } }, href: 'https://travel.example/' }
const onward = { ...home, label: { key: 'action.continue', values: { app: 'Travel' } } }
const retry = { label: { key: 'action.retry' }, href: '/accountrecoveryendpoint/register.do?sessionDataKey=f1' }
const back = {
  label: { key: 'action.return', values: { app: 'Travel' } },
  href: '/commonauth?sessionDataKey=f1&leave=1',
}
const other = { label: { key: 'action.other' }, href: '/authenticationendpoint/login.do?a=1&choose=1' }
const account = { label: { key: 'action.account' }, href: '/myaccount' }
const signIn = { label: { key: 'action.signin' }, href: '/myaccount' }

/** Of each shape and each ending of a sign-in, one. */
export const messages: PageState[] = [
  ending('expired', 'expired', again),
  ending('declined', 'declined', back, again, other),
  error('not found', 'notfound'),
  error('cookies blocked', 'cookies', retry),
  ending('the application has moved', 'moved', home),
  ending('finished', 'finished', onward),
  ending('on its way', 'working'),
  error('a problem of ours', 'problem'),
  ending('too many tries', 'too-many', retry),
  ending('refused', 'LOCAL_USER_REQUIRED', back, other),
]

/** The others, which differ from those in their words alone. */
export const moreMessages: PageState[] = [
  ending('refused, the idp is off', 'IDP_OFF', back, other),
  ending('refused, the idp failed', 'IDP_FAILED', back, again, other),
  ending('left at the second factor', 'left', back, again, other),
  ending('left at the second factor, new', 'left-new', back, again, other),
  ending('refused, the sign-in at the idp is too old', 'SIGN_IN_OLD', back, again, other),
  ending('refused, the user is locked', 'USER_LOCKED', back, other),
  ending('refused, who they are at the idp is locked', 'IDENTITY_LOCKED', back, other),
  ending('refused, and nobody says why', 'SIGN_IN_REFUSED', back, other),
  ending('refused, what changed was not agreed to', 'CONSENT_DUE', back, again, other),
  ending('refused, the name is taken', 'USERNAME_TAKEN', back, other),
  ending('refused, the name does not follow the rules', 'USERNAME_POLICY', back, other),
  ending('the idp did not complete the sign-in', 'idp', retry, other),
  error('an unknown application', 'unknown-app'),
  state('message', 'signed out', statePage('signed-out', values, []), null),
  state('message', 'signed out of the account', statePage('left-account', values, [signIn]), null),
  state('message', 'the account is closed', statePage('closed', values, []), null),
  ending('open for too long', 'stay'),
  error('a form of somebody else', 'csrf'),
  error('an odd request', 'bad-request'),
  error('an odd callback', 'bad-callback'),
  error('no such page', 'missing', account),
  error('an odd method', 'method'),
  error('too large', 'too-large'),
  error('of the wrong type', 'wrong-type'),
  error('misdirected', 'misdirected'),
  error('busy', 'busy', retry),
  error('slow', 'slow', retry),
  error('being updated', 'updating', retry),
]

export const waysOut: PageState[] = [
  state('continue', 'leaving', { application: 'Travel', href: 'https://travel.example/callback?code=c&state=s' }),
  state('continue', 'to nobody in particular', { application: '', href: 'com.travel.app:/callback?code=c' }),
  state(
    'logout',
    'an application asked',
    { application: 'Travel', action: '/oidc/logout/confirm', xsrf: 'token' },
    null,
  ),
  state('logout', 'nobody in particular asked', { action: '/oidc/logout/confirm', xsrf: 'token' }, null),
]
