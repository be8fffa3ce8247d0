// What people call a user whose username is an id. Pure.
import type { AttributeValue } from '../db/user-attributes.ts'
import { isLikeUniqueId } from './username.ts'

/** What is kept of a person that they can be called by. */
export type Said = { [attribute in 'name' | 'given_name' | 'family_name' | 'email']?: AttributeValue }

/** Their name, else its parts, else their e-mail address; undefined where none of that is kept. */
export function displayNameOf(said: Said): string | undefined {
  const [name, given, family, email] = [said.name, said.given_name, said.family_name, said.email].map(textOf)
  return name || [given, family].filter(Boolean).join(' ') || email || undefined
}

/** By what people know a user: their username, or, where that is an id, what they are called. */
export function calledOf({ username, said }: { username: string; said: Said | null }): string {
  return (isLikeUniqueId(username) && displayNameOf(said ?? {})) || username
}

/** One line of it: a name is not always one. */
function textOf(value: AttributeValue | undefined): string {
  return typeof value === 'string' ? value.replace(/\s+/g, ' ').trim() : ''
}
