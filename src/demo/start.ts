// The demonstration's other parties: a fake identity provider, an application, and people whose names are taken already.
import { createHmac, randomUUID } from 'node:crypto'
import { makeFirstOwner } from '../db/operators.ts'
import { insertUser } from '../db/users.ts'
import type { Declared } from '../declared.ts'
import type { House } from '../house.ts'
import { lookOf } from '../provisioning/look.ts'
import { PRIMARY } from '../stores/name.ts'
import { startDemoApplication } from './application.ts'
import { demoDeclared } from './declared.ts'
import { themesToShow } from './gallery.ts'
import { startDemoIdp } from './idp.ts'
import { modes, usernameOf } from './personas.ts'

/** The persona who finds every username taken. */
const TAKEN_BY_OTHERS = 'chen'

/** Who runs the demo. */
const OWNER = 'maya'

/** The password of the people whose names are taken, to try the local sign-in with. */
const TAKEN_PASSWORD = 'correct horse battery staple'

export interface Demo {
  declared: Declared
  applicationUrl: string
  idpUrl: string
  /** Makes the users whose names one persona will find taken; those that are there stay. */
  seed(house: House): Promise<void>
  /** Who may enter the console, with the same password. */
  owner: string
  /** A name and password for the local sign-in. */
  localUser: { username: string; password: string }
  stop(): Promise<void>
}

/**
 * Starts both parties beside `publicUrl`: the application on the next port, the identity provider on the one after. Its gallery shows the
 * themes that there are, and `theme`.
 */
export async function startDemo(options: {
  publicUrl: URL
  port: number
  secretKey: string
  theme?: string | undefined
}): Promise<Demo> {
  // Kept between runs by following from the secret key, so that equal content is declared and nothing is written.
  const secretOf = (name: string) => createHmac('sha256', options.secretKey).update(`demo ${name}`).digest('base64url')
  const clients = modes.map((mode) => ({
    mode,
    clientId: `northwind-${mode}`,
    clientSecret: secretOf(mode),
    redirectUri: new URL(`/commonauth/${mode}`, options.publicUrl).href,
  }))
  const idp = await startDemoIdp({ port: options.port + 2, clients })
  const client = { clientId: 'travel', clientSecret: secretOf('travel') }
  const application = await startDemoApplication({
    port: options.port + 1,
    issuer: options.publicUrl.origin,
    ...client,
    themes: themesToShow(options.theme),
  })
  const taken = modes.map((mode) => usernameOf(TAKEN_BY_OTHERS, mode))
  return {
    declared: demoDeclared(idp.issuer, clients, { url: application.url, ...client }),
    applicationUrl: application.url,
    idpUrl: idp.issuer,
    owner: OWNER,
    localUser: { username: taken[0] ?? '', password: TAKEN_PASSWORD },
    async seed(house) {
      const passwordHash = await house.passwords.hash(TAKEN_PASSWORD, 'the demo')
      for (const username of taken) {
        const name = { store: PRIMARY, username, canonical: username, look: lookOf(username) }
        await insertUser(house.db, { ...name, id: randomUUID(), passwordHash })
      }
      const owner = { store: PRIMARY, username: OWNER, canonical: OWNER, look: lookOf(OWNER) }
      await makeFirstOwner(house.db, { ...owner, id: randomUUID(), passwordHash }, house.now())
    },
    async stop() {
      await Promise.all([application.stop(), idp.stop()])
    },
  }
}
