// The specimens of connect.do: connecting an account that is here already.
import type { ConnectPage, DifferencesPage, ExistsPage, Message } from '../web/page.ts'
import { longest } from './attributes.ts'
import { OPEN_UNTIL, type PageState, state } from './state.ts'

const ADDRESS = '/accountrecoveryendpoint/connect.do'

const common = {
  application: 'Travel',
  idp: 'Acme',
  signedInAs: 'asha.rao@acme.example',
  switchHref: '/authenticationendpoint/login.do?sessionDataKey=f1&idp=acme&prompt=select_account',
  openUntil: OPEN_UNTIL,
  problems: [],
}
const form = { action: ADDRESS, csrf: 'token', sessionDataKey: 'f1', stay: '/accountrecoveryendpoint/stay' }
const backHref = `${ADDRESS}?sessionDataKey=f1`

const exists: ExistsPage = {
  ...common,
  heading: { key: 'exists.title' },
  form,
  email: 'asha.rao@acme.example',
  separate: { key: 'exists.separate.asked' },
}

const connect: ConnectPage = {
  ...common,
  heading: { key: 'connect.title' },
  form: { ...form, action: `${ADDRESS}/sign-in` },
  username: '',
  hints: [],
  idps: [
    { displayName: 'Google', href: `${ADDRESS}/idp?sessionDataKey=f1&idp=google` },
    { displayName: 'Globex', href: `${ADDRESS}/idp?sessionDataKey=f1&idp=globex` },
  ],
  backHref,
}

const differences: DifferencesPage = {
  ...common,
  heading: { key: 'differences.heading', values: { idp: 'Acme' } },
  form: { ...form, action: `${ADDRESS}/finish`, notice: 'hash' },
  username: 'asha.r',
  rows: [
    {
      id: 'replace-name',
      value: 'name',
      ticked: false,
      label: { key: 'attribute.name' },
      now: { kind: 'text', text: 'A. Rao' },
      sent: { kind: 'text', text: 'Asha Rao' },
      isAgreed: false,
      purposes: [],
    },
    {
      id: 'replace-phone_number',
      value: 'phone_number',
      ticked: false,
      label: { key: 'attribute.phone_number' },
      sent: { kind: 'text', text: '+44 7700 900123' },
      isAgreed: true,
      purposes: [{ purpose: 'Recover your account' }, { purpose: 'Vous montrer le bon bureau', lang: 'fr' }],
    },
    {
      id: 'replace-groups',
      value: 'groups',
      ticked: false,
      label: 'Groups',
      now: { kind: 'list', items: ['Sales', 'Chess'] },
      sent: { kind: 'list', items: ['Sales EMEA', 'Fire wardens', 'مجموعة'] },
      isAgreed: false,
      purposes: [],
    },
  ],
  backHref,
}

const wrong = (message: Message): ConnectPage => ({
  ...connect,
  username: 'asha',
  hints: [{ key: 'login.hint', values: { store: 'STAFF' } }],
  problems: [{ field: 'username', message }],
})

/** Before anybody has answered. */
export const firstConnecting: PageState[] = [
  state('exists', 'first view', exists),
  state('exists', 'nobody would be asked', { ...exists, separate: { key: 'exists.separate.silent' } }),
  state('exists', 'long names', {
    ...exists,
    application: longest('Travel '),
    idp: longest('Acme '),
    email: `${longest('asha.').slice(0, 200)}@acme.example`,
    separate: { key: 'exists.separate.named', values: { name: longest('asha') } },
  }),
  state('connect', 'first view', connect),
  state('connect', 'a password alone', { ...connect, idps: [] }),
  state('differences', 'first view', differences),
  state('differences', 'nothing differs', { ...differences, rows: [] }),
  state('differences', 'values of 255 characters', {
    ...differences,
    username: longest('asha'),
    rows: differences.rows.map((row) => ({
      ...row,
      now: { kind: 'text', text: longest('Sales') },
      sent: { kind: 'text', text: longest('sales-') },
    })),
  }),
]

/** After an answer that did not do. */
export const answeredConnecting: PageState[] = [
  state('exists', 'nothing chosen', { ...exists, problems: [{ field: 'connect', message: { key: 'EXISTS_CHOOSE' } }] }),
  state('connect', 'wrong password', wrong({ key: 'LINK_FAILED' })),
  state('connect', 'no try left', wrong({ key: 'LINK_LOCKED', values: { n: 9 } })),
  state(
    'connect',
    'an account of the other idp that is none here',
    wrong({ key: 'LINK_UNKNOWN', values: { idp: 'Google' } }),
  ),
  state('connect', 'signed in there already', wrong({ key: 'LINK_OLD', values: { idp: 'Google' } })),
  state('connect', 'the proof is old', wrong({ key: 'LINK_AGAIN' })),
  state('differences', 'changed meanwhile', {
    ...differences,
    changed: { key: 'CHANGED' },
    rows: differences.rows.map((row, index) => ({ ...row, ticked: index === 0 })),
  }),
]
