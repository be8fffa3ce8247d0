// Where the pages of identity providers are. Pure.

export const IDPS = '/console/identity-providers'
export const ADD_IDP = `${IDPS}/add`

/** The page of an idp, or one below it. */
export function idpAddress(name: string, below = ''): string {
  const part = encodeURIComponent(name)
  // An idp may be called add; so written it is not the address at which one is added.
  const own = part.toLowerCase() === 'add' ? `%${part.charCodeAt(0).toString(16)}${part.slice(1)}` : part
  return `${IDPS}/${own}${below}`
}
