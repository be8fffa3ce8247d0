// The federated unique id of a person, which is their username while the enhanced feature is on (design, 7): made of who they are at their idp, so that no row has to be kept for it.
import type { Person } from '../db/identities.ts'
import { keyedHash } from '../seal.ts'

/**
 * The id of a person: a UUIDv8 (RFC 9562, 5.8), byte for byte the same at every sign-in and on every process. Without the installation's salt
 * nobody can tell whose it is, or what it will be. `occasion` makes another one, where somebody keeps the name who was this person before.
 */
export function federatedUniqueId(salt: Buffer, { idpId, issuer, subject }: Person, occasion = ''): string {
  // The first part keeps it apart from the subject that applications get of people without a user (fed.…), which has the same salt: a name is no secret, and must not tell that one.
  const bytes = keyedHash(salt, 'username', idpId, issuer, subject, occasion).subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
