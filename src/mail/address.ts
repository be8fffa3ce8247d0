// One e-mail address, or none. Pure.
import { readTyped } from '../provisioning/typed-attributes.ts'

/**
 * The address that this text is, as it may be handed to a mail server. Undefined for anything that is not exactly one: a list, a name beside
 * it, a line break or angle brackets would let whoever wrote it choose who else gets the letter.
 */
export function oneAddress(text: unknown): string | undefined {
  // The rule of what people type, so that whoever may be written to is whoever could have been kept.
  const read = typeof text === 'string' && text === text.trim() ? readTyped('email', text, '') : undefined
  return read && 'value' in read && typeof read.value === 'string' ? read.value : undefined
}
