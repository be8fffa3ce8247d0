// The attributes on the specimens of prompts: needed or not, sent or not, of every kind and length.
import type { AttributeOnPage, PurposeOnPage } from '../web/page.ts'

/** 255 characters, without a place to break. */
export const longest = (text: string) => text.padEnd(255, text)

export const email: AttributeOnPage = {
  id: 'consent-recover-email',
  label: { key: 'attribute.email' },
  needed: true,
  value: { kind: 'text', text: 'asha.rao@acme.example' },
  box: { value: 'recover:email', ticked: false },
}
export const phone: AttributeOnPage = {
  id: 'consent-recover-phone_number',
  label: { key: 'attribute.phone_number' },
  needed: false,
  value: { kind: 'text', text: '+44 7700 900123' },
  box: { value: 'recover:phone_number', ticked: false },
}
/** The same on a page about a change: what it means to leave its box empty. */
export function leftEmpty({ box, ...attribute }: AttributeOnPage, key: string): AttributeOnPage {
  return { ...attribute, ...(box ? { box: { ...box, leftEmpty: { key } } } : {}) }
}

export const department: AttributeOnPage = { id: 'consent-office-department', label: 'Department', needed: false }
export const birthdate: AttributeOnPage = {
  id: 'consent-office-birthdate',
  label: { key: 'attribute.birthdate' },
  needed: false,
  value: { kind: 'date', iso: '1990-05-17' },
  box: { value: 'office:birthdate', ticked: false },
}
export const groups: AttributeOnPage = {
  id: 'consent-office-groups',
  label: 'Groups',
  needed: false,
  value: { kind: 'list', items: ['Sales EMEA', 'Fire wardens', 'Book club', 'مجموعة', 'Chess', 'Bees', 'Running'] },
  box: { value: 'office:groups', ticked: false },
}
export const address: AttributeOnPage = {
  id: 'consent-office-address',
  label: { key: 'attribute.address' },
  needed: false,
  value: { kind: 'text', text: `12 Rue de la Très Longue Avenue ${'au bord de la rivière '.repeat(12)}` },
  box: { value: 'office:address', ticked: false },
}
export const missingPhone: AttributeOnPage = {
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
export const twelve = Array.from({ length: 12 }, (_, index): AttributeOnPage => {
  const name = `detail ${index + 1}`
  return {
    id: `consent-office-${index}`,
    label: `Your ${name}`,
    needed: index % 2 === 0,
    value: { kind: 'text', text: `The value of ${name}` },
    box: { value: `office:detail-${index}`, ticked: false },
  }
})

/** Of each kind, as long as an idp may send it. */
export const long: AttributeOnPage[] = [
  { ...email, value: { kind: 'text', text: `${longest('asha.').slice(0, 200)}@acme.example` } },
  { ...department, label: longest('Department '), value: { kind: 'text', text: longest('Sales') } },
  { ...groups, value: { kind: 'list', items: [longest('sales-'), longest('Fire wardens '), longest('مجموعة ')] } },
]

export function recover(...attributes: AttributeOnPage[]): PurposeOnPage {
  const description = 'So that we can help you if you lose your password'
  return { id: 'recover', purpose: 'Recover your account', description, attributes }
}

export function office(...attributes: AttributeOnPage[]): PurposeOnPage {
  const description = 'So that prices and news fit where you work'
  return { id: 'office', purpose: 'Show you the right office', description, attributes }
}

/** The operator has no words of it in the language of the page. */
export const inFrench: PurposeOnPage = {
  id: 'bureau',
  lang: 'fr',
  purpose: 'Vous montrer le bon bureau',
  description: 'Pour des prix et des nouvelles de là où vous travaillez',
  attributes: [
    {
      ...birthdate,
      id: 'consent-bureau-service',
      lang: 'fr',
      label: 'Service',
      value: { kind: 'text', text: 'Ventes' },
      box: { value: 'bureau:service', ticked: false },
    },
  ],
}
