// The way back into a console that nobody gets into any more: an owner made at the command line, where only whoever runs the server can be.
import { randomBytes, randomUUID } from 'node:crypto'
import type { Db } from '../db/connect.ts'
import { makeOwner } from '../db/operators.ts'
import { problemMessage } from '../provisioning/form.ts'
import { keptName, readName } from '../provisioning/place.ts'
import { PRIMARY } from '../stores/name.ts'
import type { Passwords } from '../stores/password.ts'
import { readStores } from '../stores/stores.ts'
import type { Messages } from '../web/messages.ts'

const PASSWORD_BYTES = 15

/**
 * Makes an owner of that name, in PRIMARY, with a password that is returned and kept nowhere. Throws with a sentence for the operator when the
 * name will not do or is taken: an existing user is never given new rights or another password from here.
 */
export async function createOwner(
  { db, passwords, messages }: { db: Db; passwords: Passwords; messages: Messages },
  username: string,
  now: Date,
): Promise<{ username: string; password: string }> {
  const places = {
    userstore: PRIMARY,
    stores: await readStores(db),
    unknownStore: 'refuse',
    reserved: new Set<string>(),
  } as const
  const name = readName(username, places, 'typed')
  if (name.kind === 'problem')
    throw new Error(messages.t(problemMessage(name.problem, { name: username, org: PRIMARY })))
  const password = randomBytes(PASSWORD_BYTES).toString('base64url').match(/.{5}/g)?.join('-') ?? ''
  const passwordHash = await passwords.hash(password, 'the command line')
  if (!(await makeOwner(db, { ...keptName(name), id: randomUUID(), passwordHash }, now)))
    throw new Error(`Somebody has the name ${name.username}, or one that looks like it. Choose another.`)
  return { username: name.username, password }
}
