// The specimens of register.do and signup.do after an answer that did not do.
import type { PromptPage } from '../web/page.ts'
import { birthdate, department, email, leftEmpty, missingPhone, office, phone, recover } from './attributes.ts'
import {
  changed,
  first,
  inStaff,
  privacyPolicyUrl,
  shown,
  signupForm,
  status,
  values,
  withoutPassword,
} from './prompts.ts'
import { type PageState, state } from './state.ts'

const taken = { key: 'USERNAME_TAKEN', values: { name: 'asha' } }
const short = { key: 'PW_SHORT', values: { n: 15 } }
const tick = { key: 'CONSENT_NEEDED', values: { attribute: 'Email address' } }
const tickAgain = { key: 'CONSENT_NEEDED_AGAIN', values: { attribute: 'Email address' } }
const untypedPhone = { key: 'ATTR_EMPTY', values: { attribute: 'Mobile number' } }
const noStore = { key: 'STORE_UNKNOWN', values: { prefix: 'NOPE', list: ['STAFF', 'CUSTOMERS'] } }
const ownRule = { key: 'USERNAME_POLICY', sentence: 'Username must be 3 to 30 letters, digits, dots or dashes' }
const hints = [{ key: 'username.hint.domain', values: { store: 'STAFF' } }]
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

/** After an answer that did not do. */
export const answeredPrompts: PageState[] = [
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
  state('signup', 'two problems', {
    ...first,
    form: signupForm,
    heading: { key: 'signup.title.password', values },
    problems: [
      { field: 'new-password', message: short },
      { field: email.id, message: tick },
    ],
    username: shown,
    password: { min: 15, problem: short, again: false },
    consent: wrong.consent ?? { purposes: [] },
  }),
  state('signup', 'a purpose changed that cannot be put off, with a problem', {
    ...changed,
    heading: { key: 'signup.title.changed', values: { n: 1 } },
    change: { mayPutOff: false },
    actions: { create: { key: 'actions.save' }, decline: { key: 'actions.leave' } },
    problems: [{ field: email.id, message: tickAgain }],
    consent: {
      privacyPolicyUrl,
      purposes: [
        recover(
          { ...email, box: { value: 'recover:email', ticked: false, problem: tickAgain } },
          leftEmpty(phone, 'change.empty.deleted'),
        ),
      ],
    },
  }),
]
