// What an operator's name and password must be: what holds for everybody in PRIMARY.
import { randomUUID } from 'node:crypto'
import type { NewOwner } from '../db/operators.ts'
import type { House } from '../house.ts'
import { nameProblem, problemMessage } from '../provisioning/form.ts'
import { personalWords } from '../provisioning/personal-words.ts'
import { keptName, readName } from '../provisioning/place.ts'
import { takenNames } from '../provisioning/taken.ts'
import { PRIMARY } from '../stores/name.ts'
import { passwordProblem } from '../stores/password-policy.ts'
import { readStores } from '../stores/stores.ts'
import type { Problem } from './desk.ts'

export type OperatorReading = { kind: 'ok'; owner: NewOwner } | { kind: 'problems'; problems: Problem[] }

/** Reads a typed name and password. `organization` may not be in the password; `client` is who waits for the hash. Throws `HashingBusy`. */
export async function readOperator(
  house: House,
  typed: { username: string; password: string },
  { organization, client }: { organization: string; client: string },
): Promise<OperatorReading> {
  const stores = await readStores(house.db)
  const name = readName(typed.username, { userstore: PRIMARY, stores, ...house.settings().names }, 'typed')
  const taken = await takenNames(house.db, [name])
  const say = (problem: Parameters<typeof house.views.t>[0]) => house.views.t(problem, 'en')
  const problems: Problem[] = []
  const wrongName = nameProblem(typed.username, name, { taken, organization })
  if (wrongName) problems.push({ field: 'username', text: say(wrongName) })
  const words = personalWords(name.kind === 'ok' ? name.username : undefined, undefined, [organization])
  const wrongPassword = passwordProblem(typed.password, words, name.store.policy.password)
  if (wrongPassword)
    problems.push({ field: 'password', text: say(problemMessage(wrongPassword, { org: organization })) })
  if (name.kind === 'problem' || problems.length > 0) return { kind: 'problems', problems }
  const passwordHash = await house.passwords.hash(typed.password, client)
  return { kind: 'ok', owner: { ...keptName(name), id: randomUUID(), passwordHash } }
}
