// The people of the tests.

/** New everywhere; her idp says all there is to say. */
export const ada = {
  sub: 'ada-7f3a91c2',
  preferred_username: 'ada',
  name: 'Ada Byron',
  given_name: 'Ada',
  family_name: 'Byron',
  email: 'ada.byron@acme.example',
  email_verified: true,
  phone_number: '+447700900121',
  department: 'Engines',
}

/** Has the e-mail address of ada, and is not ada. */
export const mallory = {
  sub: 'mallory-00',
  preferred_username: 'mallory',
  name: 'Mallory',
  email: 'ada.byron@acme.example',
  email_verified: true,
}

export const PASSWORD = 'correct horse battery staple'
