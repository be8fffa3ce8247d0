// Loads the OpenID Provider package without its notice.

let loaded: Promise<typeof import('oidc-provider')> | undefined

/**
 * Imports oidc-provider. On Node before 22, where it works all the same, it prints a warning at import and has no option against
 * it; the first lines that an operator sees should be ours. Whatever else is printed meanwhile passes.
 */
export function loadOpenidProvider(): Promise<typeof import('oidc-provider')> {
  loaded ??= importQuietly()
  return loaded
}

async function importQuietly(): Promise<typeof import('oidc-provider')> {
  const { warn } = console
  console.warn = (...words: unknown[]) => {
    if (!String(words[0]).includes('Unsupported runtime')) warn(...words)
  }
  try {
    return await import('oidc-provider')
  } finally {
    console.warn = warn
  }
}
