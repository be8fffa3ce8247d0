// The specimens of the second factor: to show one, to set one up, and the backup codes that come with it.
import type { Message, SecondFactorPage } from '../web/page.ts'
import { longest } from './attributes.ts'
import { OPEN_UNTIL, type PageState, state } from './state.ts'

const ADDRESS = '/authenticationendpoint/totp.do'
const SIZE = 33
/** Looks like a QR code, and leads nowhere. */
const PICTURE = Array.from({ length: SIZE * SIZE }, (_, at) => ({ x: at % SIZE, y: Math.floor(at / SIZE) }))
  .filter(({ x, y }) => x > 1 && y > 1 && x < SIZE - 2 && y < SIZE - 2 && (x * 7 + y * 11 + ((x * y) % 5)) % 3 === 0)
  .map(({ x, y }) => `M${x} ${y}h1v1h-1z`)
  .join('')

const other = { label: { key: 'action.other' }, href: '/authenticationendpoint/login.do?sessionDataKey=f1&choose=1' }
const backup = {
  label: { key: 'factor.show.backup.instead' },
  href: '/authenticationendpoint/backup_code.do?sessionDataKey=f1',
}
const byEmail = {
  label: { key: 'factor.show.email.instead' },
  href: '/authenticationendpoint/email_otp.do?sessionDataKey=f1',
}
const code = { label: { key: 'factor.code' }, isNumber: true }

const totp: SecondFactorPage = {
  application: 'Travel',
  heading: { key: 'factor.show.totp.title' },
  lead: [{ key: 'factor.show.totp.lead' }],
  openUntil: OPEN_UNTIL,
  problems: [],
  form: { action: ADDRESS, csrf: 'token', sessionDataKey: 'f1', stay: '/accountrecoveryendpoint/stay' },
  code,
  others: [byEmail, backup, other],
  lost: { key: 'factor.lost' },
}

const values = { address: 'a••••@acme.example', org: 'Northwind' }

const { code: _, ...withoutCode } = totp
const email: SecondFactorPage = {
  ...withoutCode,
  heading: { key: 'factor.show.email.title' },
  lead: [{ key: 'factor.email.send', values }],
  send: { key: 'factor.send' },
  others: [backup, other],
}

const { lost: __, ...withoutLost } = totp
const enrol: SecondFactorPage = {
  ...withoutLost,
  heading: { key: 'factor.enrol.totp.title' },
  lead: [{ key: 'factor.enrol.why', values }],
  app: { size: SIZE, path: PICTURE, secret: 'JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP' },
  others: [
    {
      label: { key: 'factor.enrol.email.instead' },
      href: '/authenticationendpoint/email_otp_enroll.do?sessionDataKey=f1',
    },
    other,
  ],
}

const sent: SecondFactorPage = {
  ...email,
  lead: [{ key: 'factor.email.sent', values }],
  code,
  send: { key: 'factor.send.again' },
}

function wrong(page: SecondFactorPage, message: Message, field = 'code'): SecondFactorPage {
  return { ...page, problems: [{ field, message }] }
}

export const firstFactors: PageState[] = [
  state('second-factor', 'code of an app', totp),
  state('second-factor', 'code by email, not sent yet', email),
  state('second-factor', 'code by email', sent),
  state('second-factor', 'backup code', {
    ...totp,
    heading: { key: 'factor.show.backup.title' },
    lead: [{ key: 'factor.show.backup.lead' }],
    code: { label: { key: 'factor.backup' }, isNumber: false },
    others: [{ ...backup, label: { key: 'factor.show.totp.instead' } }, other],
  }),
  state('second-factor', 'set up an app', enrol),
  state('second-factor', 'long names', { ...enrol, application: longest('Travel ') }),
  state('backup-codes', 'first view', {
    application: 'Travel',
    codes: Array.from({ length: 10 }, (_, index) => `k3m${index}-7xqp2-rvt9w`),
    href: '/commonauth?sessionDataKey=f1',
  }),
]

export const answeredFactors: PageState[] = [
  state('second-factor', 'wrong code', wrong(totp, { key: 'FACTOR_WRONG' })),
  state('second-factor', 'wrong first code', wrong(enrol, { key: 'FACTOR_WRONG' })),
  state('second-factor', 'no such backup code', wrong(totp, { key: 'BACKUP_WRONG' })),
  state('second-factor', 'the code is old', wrong(sent, { key: 'FACTOR_OVER' })),
  state('second-factor', 'no address', wrong(email, { key: 'FACTOR_NO_ADDRESS' }, 'send')),
  state('second-factor', 'no try left', wrong(totp, { key: 'TOO_MANY', values: { n: 9 } })),
]
