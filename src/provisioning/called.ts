// By what a person is told who they are here: an id says nothing to them, what they are called does, and where that comes from.
import type { Db } from '../db/connect.ts'
import { findSaid } from '../db/user-sheet.ts'
import type { User } from '../db/users.ts'
import { joinName } from '../stores/name.ts'
import { displayNameOf } from './display-name.ts'
import { isLikeUniqueId } from './username.ts'

export interface Called {
  name: string
  /** The idp that made them known here, where the username itself would say nothing. */
  idp?: string
}

/** The username with its store, or, where that is an id, what they are called of what is kept. Only then is anything read. */
export async function whatIsCalled(db: Db, { id, store, username }: User): Promise<Called> {
  const found = isLikeUniqueId(username) ? await findSaid(db, id) : undefined
  const name = displayNameOf(found?.said ?? {}) ?? joinName(store, username)
  return { name, ...(found?.idp ? { idp: found.idp } : {}) }
}
