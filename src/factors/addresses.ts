// Where second factors are asked for during a sign-in: the addresses of the reference.
export const TOTP = '/authenticationendpoint/totp.do'
export const EMAIL_OTP = '/authenticationendpoint/email_otp.do'
export const BACKUP_CODE = '/authenticationendpoint/backup_code.do'
export const TOTP_ENROLL = '/authenticationendpoint/totp_enroll.do'
export const EMAIL_OTP_ENROLL = '/authenticationendpoint/email_otp_enroll.do'

/** Where a sign-in goes on that waits for a second factor: whichever page that is, this one knows. */
export function factorAddress(flowId: string, page: string = TOTP): string {
  return `${page}?${new URLSearchParams({ sessionDataKey: flowId })}`
}
