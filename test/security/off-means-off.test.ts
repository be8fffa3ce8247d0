// Off means off: whatever is turned off, locked, deleted or taken away on one process holds on another at the next step of every sign-in.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setPersonLocked } from '../../src/console/identity-lock.ts'
import { deleteUser, setLocked } from '../../src/db/user-state.ts'
import { deleteInBatches } from '../../src/deletion/batches.ts'
import { federatedSubject } from '../../src/handback/subjects.ts'
import type { House } from '../../src/house.ts'
import { tracesOf } from '../../src/login/traces.ts'
import { findSetting } from '../../src/settings/entries.ts'
import { removeEntry } from '../../src/settings/remove.ts'
import { setEnabled } from '../../src/settings/switch.ts'
import { enhanced } from '../support/factors.ts'
import { ASKING, becomeUser, MOMENTS, type Moment, type Somebody, settle, somebodyNew } from '../support/moments.ts'
import { type Product, startProduct } from '../support/product.ts'
import { storedPerson } from '../support/visits.ts'

const actor = { name: 'olu' }

/** What is done, on the process that the person has nothing to do with. */
type Deed = (there: House, who: Somebody) => Promise<unknown>

const person = ({ idp, person: { sub }, product }: Somebody) => ({
  idpId: idp.id,
  issuer: product.idp.issuer,
  subject: sub,
})
const versionOf = async (there: House, name: string) => (await findSetting(there.db, 'idp', name))?.version ?? 0
const ofIdp = async (there: House, { idp: { name } }: Somebody) =>
  ({ kind: 'idp', key: name, expectedVersion: await versionOf(there, name), actor }) as const
const userOf = ({ sub }: Somebody) => sub ?? assert.fail('they are no user yet')

const nothing: Deed = async () => {}
const idpOff: Deed = async (there, who) => {
  const outcome = await setEnabled(there, { ...(await ofIdp(there, who)), isEnabled: false })
  assert.equal(outcome.kind, 'saved')
}
const idpDeleted: Deed = async (there, who) => {
  const outcome = await removeEntry(there, { ...(await ofIdp(there, who)), withIdentities: true })
  assert.equal(outcome.kind, 'deleted')
  // To its end: how far it has come while it goes on, its row says, which is off from the first moment.
  assert.ok((await deleteInBatches(there, who.idp)).isGone)
}
const idpNotAccepted: Deed = (_there, { product }) =>
  product.rows(`UPDATE applications SET identity_providers = '{none}' WHERE client_id = 'travel'`)
const provisioningOff: Deed = (_there, { product, idp }) =>
  product.rows('UPDATE idps SET jit_enabled = false WHERE id = $1', [idp.id])
const userLocked: Deed = async (there, who) =>
  assert.equal(await setLocked(there.db, userOf(who), true, actor, there.now()), 'done')
const identityLocked: Deed = (there, who) => setPersonLocked(there, person(who), true, actor)
/** As by a process that died before it ended anything, or past which somebody slipped: the lock alone has to do. */
const userLockedAlone: Deed = (_there, who) =>
  who.product.rows('UPDATE users SET is_locked = true WHERE id = $1', [userOf(who)])
const identityLockedAlone: Deed = (there, who) => {
  const { idpId, issuer, subject } = person(who)
  return who.product.rows(
    `INSERT INTO identity_locks (idp_id, issuer, subject, federated_subject, locked_at) VALUES ($1, $2, $3, $4, $5)`,
    [idpId, issuer, subject, federatedSubject(there.salt, idpId, person(who)), there.now()],
  )
}
const userDeleted: Deed = async (there, who) =>
  assert.equal(await deleteUser(there.db, userOf(who), actor, tracesOf(there), there.now()), 'done')
const roleNotGranted: Deed = (_there, { product, idp }) =>
  product.rows(`UPDATE idps SET role_mappings = '{}' WHERE id = $1`, [idp.id])
const roleGoneThere: Deed = async (_there, { product, person }) =>
  product.idp.person(person.sub, { ...person, groups: [] })

/** What is done to whom. `stranger`: there is no user yet. `no user`: nor will there be, because the idp has No Provisioning. */
const DEEDS = {
  // So that the other cells are known to be about what was done.
  nothing: { deed: nothing },
  'idp off': { deed: idpOff },
  'idp off, stranger': { deed: idpOff, who: 'stranger' },
  'idp not accepted': { deed: idpNotAccepted },
  'idp deleted': { deed: idpDeleted },
  'provisioning off': { deed: provisioningOff },
  'provisioning off, stranger': { deed: provisioningOff, who: 'stranger' },
  'user locked': { deed: userLocked },
  'user locked, nothing ended': { deed: userLockedAlone },
  'identity locked': { deed: identityLocked },
  'identity locked, nothing ended': { deed: identityLockedAlone },
  'identity locked, stranger': { deed: identityLocked, who: 'stranger' },
  'identity locked, no user': { deed: identityLocked, who: 'no user' },
  'idp off, no user': { deed: idpOff, who: 'no user' },
  'user deleted': { deed: userDeleted },
  'role not granted': { deed: roleNotGranted },
  // What the idp says is heard when it says it: at the next sign-in there. What it said before holds until then.
  'role gone at the idp': { deed: roleGoneThere },
} satisfies Record<string, { deed: Deed; who?: 'stranger' | 'no user' }>

const SIGNED_IN = 'signed in, editor'
const WITHOUT_USER = 'let in without a user, editor'
const NEUTRAL = 'refused: SIGN_IN_REFUSED'
const OFF = 'refused: IDP_OFF'
/** There is no such cell: a stranger is somebody known by then, and who has no user is asked nothing and has no account. */
const NONE = undefined

/** What comes of going on then, column by column. */
const EXPECTED: Record<Moment, Record<keyof typeof DEEDS, string | undefined>> = {
  'before start': {
    nothing: SIGNED_IN,
    'idp off': 'not offered',
    'idp off, stranger': 'not offered',
    'idp not accepted': 'not offered',
    'idp deleted': 'not offered',
    'provisioning off': SIGNED_IN,
    'provisioning off, stranger': WITHOUT_USER,
    'user locked': NEUTRAL,
    'user locked, nothing ended': NEUTRAL,
    'identity locked': NEUTRAL,
    'identity locked, nothing ended': NEUTRAL,
    'identity locked, stranger': NEUTRAL,
    'identity locked, no user': NEUTRAL,
    'idp off, no user': 'not offered',
    'user deleted': 'signed in as somebody new, editor',
    'role not granted': 'signed in',
    'role gone at the idp': 'signed in',
  },
  'at the callback': {
    nothing: SIGNED_IN,
    'idp off': OFF,
    'idp off, stranger': OFF,
    'idp not accepted': OFF,
    // Nobody went away with that state any more: the sign-in is at its beginning again.
    'idp deleted': '400',
    'provisioning off': SIGNED_IN,
    'provisioning off, stranger': WITHOUT_USER,
    'user locked': NEUTRAL,
    'user locked, nothing ended': NEUTRAL,
    'identity locked': NEUTRAL,
    'identity locked, nothing ended': NEUTRAL,
    'identity locked, stranger': NEUTRAL,
    'identity locked, no user': NEUTRAL,
    'idp off, no user': OFF,
    'user deleted': 'signed in as somebody new, editor',
    'role not granted': 'signed in',
    'role gone at the idp': 'signed in',
  },
  'at the prompt': {
    nothing: SIGNED_IN,
    'idp off': OFF,
    'idp off, stranger': OFF,
    'idp not accepted': OFF,
    // What the idp had sent is gone: the sign-in is at its beginning again.
    'idp deleted': 'asked where to sign in',
    'provisioning off': SIGNED_IN,
    'provisioning off, stranger': WITHOUT_USER,
    'user locked': NEUTRAL,
    'user locked, nothing ended': NEUTRAL,
    'identity locked': NEUTRAL,
    'identity locked, nothing ended': NEUTRAL,
    'identity locked, stranger': NEUTRAL,
    'identity locked, no user': NONE,
    'idp off, no user': NONE,
    'user deleted': 'asked where to sign in',
    'role not granted': 'signed in',
    'role gone at the idp': SIGNED_IN,
  },
  'at the second factor': {
    nothing: SIGNED_IN,
    'idp off': OFF,
    'idp off, stranger': NONE,
    'idp not accepted': OFF,
    // What the idp had sent is gone: the sign-in is at its beginning again.
    'idp deleted': 'asked where to sign in',
    'provisioning off': SIGNED_IN,
    'provisioning off, stranger': NONE,
    'user locked': NEUTRAL,
    'user locked, nothing ended': NEUTRAL,
    'identity locked': NEUTRAL,
    'identity locked, nothing ended': NEUTRAL,
    'identity locked, stranger': NONE,
    'identity locked, no user': NONE,
    'idp off, no user': NONE,
    'user deleted': 'asked where to sign in',
    'role not granted': 'signed in',
    'role gone at the idp': SIGNED_IN,
  },
  'at hand-back': {
    nothing: SIGNED_IN,
    'idp off': OFF,
    'idp off, stranger': NONE,
    'idp not accepted': OFF,
    'idp deleted': NEUTRAL,
    'provisioning off': SIGNED_IN,
    'provisioning off, stranger': NONE,
    'user locked': NEUTRAL,
    'user locked, nothing ended': NEUTRAL,
    'identity locked': NEUTRAL,
    'identity locked, nothing ended': NEUTRAL,
    'identity locked, stranger': NONE,
    'identity locked, no user': NONE,
    'idp off, no user': NONE,
    'user deleted': NEUTRAL,
    'role not granted': 'signed in',
    'role gone at the idp': SIGNED_IN,
  },
  'at the exchange of a code': {
    nothing: SIGNED_IN,
    'idp off': 'invalid_grant',
    'idp off, stranger': NONE,
    'idp not accepted': 'invalid_grant',
    'idp deleted': 'invalid_grant',
    'provisioning off': SIGNED_IN,
    'provisioning off, stranger': NONE,
    'user locked': 'invalid_grant',
    'user locked, nothing ended': 'invalid_grant',
    'identity locked': 'invalid_grant',
    'identity locked, nothing ended': 'invalid_grant',
    'identity locked, stranger': NONE,
    'identity locked, no user': 'invalid_grant',
    'idp off, no user': 'invalid_grant',
    'user deleted': 'invalid_grant',
    'role not granted': 'signed in',
    'role gone at the idp': SIGNED_IN,
  },
  'in My Account': {
    nothing: 'inside',
    'idp off': 'shown out',
    'idp off, stranger': NONE,
    // It takes everybody who has an account.
    'idp not accepted': 'inside',
    'idp deleted': 'shown out',
    'provisioning off': 'inside',
    'provisioning off, stranger': NONE,
    'user locked': 'shown out',
    'user locked, nothing ended': 'shown out',
    'identity locked': 'shown out',
    'identity locked, nothing ended': 'shown out',
    'identity locked, stranger': NONE,
    'identity locked, no user': NONE,
    'idp off, no user': NONE,
    'user deleted': 'shown out',
    'role not granted': 'inside',
    'role gone at the idp': 'inside',
  },
  'in a live session': {
    nothing: SIGNED_IN,
    'idp off': 'login_required',
    'idp off, stranger': NONE,
    'idp not accepted': 'login_required',
    'idp deleted': 'login_required',
    'provisioning off': SIGNED_IN,
    'provisioning off, stranger': NONE,
    'user locked': 'login_required',
    'user locked, nothing ended': 'login_required',
    'identity locked': 'login_required',
    'identity locked, nothing ended': 'login_required',
    'identity locked, stranger': NONE,
    'identity locked, no user': 'login_required',
    'idp off, no user': 'login_required',
    'user deleted': 'login_required',
    'role not granted': 'signed in',
    'role gone at the idp': SIGNED_IN,
  },
  'at refresh': {
    nothing: 'refreshed, editor',
    'idp off': 'invalid_grant',
    'idp off, stranger': NONE,
    'idp not accepted': 'invalid_grant',
    'idp deleted': 'invalid_grant',
    'provisioning off': 'refreshed, editor',
    'provisioning off, stranger': NONE,
    'user locked': 'invalid_grant',
    'user locked, nothing ended': 'invalid_grant',
    'identity locked': 'invalid_grant',
    'identity locked, nothing ended': 'invalid_grant',
    'identity locked, stranger': NONE,
    'identity locked, no user': 'invalid_grant',
    'idp off, no user': 'invalid_grant',
    'user deleted': 'invalid_grant',
    'role not granted': 'refreshed',
    'role gone at the idp': 'refreshed, editor',
  },
  'at userinfo': {
    nothing: 'told, editor',
    'idp off': '401',
    'idp off, stranger': NONE,
    'idp not accepted': '401',
    'idp deleted': '401',
    'provisioning off': 'told, editor',
    'provisioning off, stranger': NONE,
    'user locked': '401',
    'user locked, nothing ended': '401',
    'identity locked': '401',
    'identity locked, nothing ended': '401',
    'identity locked, stranger': NONE,
    'identity locked, no user': '401',
    'idp off, no user': '401',
    'user deleted': '401',
    'role not granted': 'told',
    'role gone at the idp': 'told, editor',
  },
}

describe('off means off, decided on one process and tried on another', () => {
  let product: Product
  let there: House
  before(async () => {
    product = await startProduct({
      modes: ['none', 'silent'],
      change: (declared) => ({
        ...enhanced({})(declared),
        applications: declared.applications.map(({ identityProviders: _, ...application }) => application),
      }),
    })
    there = (await product.another()).running.house
  })
  after(() => product.stop())

  /** As the OpenID Provider's library has it: that has a clock of its own. */
  const now = () => {
    product.clock.now = new Date()
  }

  for (const moment of Object.keys(EXPECTED) as Moment[]) {
    describe(moment, () => {
      for (const [title, outcome] of Object.entries(EXPECTED[moment])) {
        if (outcome === NONE) continue
        it(`${title}: ${outcome}`, async () => {
          const { deed, who: kind }: { deed: Deed; who?: string } = DEEDS[title as keyof typeof DEEDS]
          now()
          const scheme = ASKING.has(moment) ? 'PROMPT_CONSENT' : 'PROVISION_SILENTLY'
          const who = await somebodyNew(product, { scheme, jitEnabled: kind !== 'no user' })
          if (kind === undefined && !ASKING.has(moment)) await settle(who)
          const goOn = await MOMENTS[moment](who)
          // Whoever is at a question was new when it was asked, and is a user by what they answered in another browser.
          if (kind === undefined && moment === 'at the prompt') await becomeUser(who)
          now()
          await deed(there, who)
          try {
            assert.equal(await goOn(), outcome)
            // A refusal that came too late would have made them a user.
            if (kind === 'stranger') assert.equal(await storedPerson(product, who.person.sub), undefined)
          } finally {
            await product.rows(`UPDATE applications SET identity_providers = NULL WHERE client_id = 'travel'`)
            await product.rows('UPDATE idps SET is_enabled = false WHERE id = $1', [who.idp.id])
          }
        })
      }
    })
  }
})
