// Names with a store before them, DOMAIN/user: the one parser and the one builder of the whole program. Pure.

/** The store that always exists. It is never written before a name. */
export const PRIMARY = 'PRIMARY'

/** The setting of an idp whose people's names say which store they go to. */
export const AS_IN_USERNAME = 'As in username'

const DOMAIN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

// Domains of roles and of workflows in the reference product (wso2-contract 5.2): a name that begins with one must not look as if it were a store's.
const RESERVED = new Set(['INTERNAL', 'APPLICATION', 'WORKFLOW', 'SYSTEM'])

/**
 * Takes a name as it was typed or claimed. The domain is what stands before the first slash, if a store could be called that, in whatever
 * case; otherwise the slash is part of the name, and no name with a slash is fit.
 */
export function splitName(name: string): { domain?: string; username: string } {
  const slash = name.indexOf('/')
  const domain = name.slice(0, Math.max(0, slash))
  return DOMAIN.test(domain) ? { domain, username: name.slice(slash + 1) } : { username: name }
}

/** The name by which a user of a store is known outside of it, and signs in: `STAFF/asha`, in PRIMARY `asha`. */
export function joinName(store: string, username: string): string {
  return store === PRIMARY ? username : `${store}/${username}`
}

/** The store that a domain names, in whatever case; undefined when there is none. */
export function storeNamed<Store extends { name: string }>(
  stores: readonly Store[],
  domain: string,
): Store | undefined {
  // Of letters beyond ASCII some have a capital within it: ſ is no s.
  return DOMAIN.test(domain) ? stores.find((store) => store.name === domain.toUpperCase()) : undefined
}

/** Whether a store may have this name: capitals, digits, `.`, `_`, `-`, 63 characters at the most, and no reserved word. */
export function isStoreName(name: string): boolean {
  return DOMAIN.test(name) && name === name.toUpperCase() && !RESERVED.has(name)
}
