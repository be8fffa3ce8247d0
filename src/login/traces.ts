// Under which hashes something of a person may lie that does not name their user: for whoever deletes it.
import type { Traces } from '../db/erase.ts'
import { personHash } from '../flow.ts'
import type { House } from '../house.ts'
import { brakeOf } from './local.ts'

export function tracesOf(house: Pick<House, 'keyring'>): Traces {
  return {
    ofPerson: (person) => personHash(house, person.idpId, person),
    ofName: (username) => brakeOf(house, username),
  }
}
