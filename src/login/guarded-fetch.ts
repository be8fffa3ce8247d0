// Fetches from identity providers, and from nowhere in our own networks. Law: the address that is connected to is the one that was judged.
import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, buildConnector, fetch } from 'undici'
import { codedError } from './ask.ts'
import { isPrivateHost, isPublicAddress } from './private-addresses.ts'

export type Fetch = (url: string, options: RequestInit) => Promise<Response>

/** The code of an error that says: the address is private, and the setting that allows such addresses is off. */
export const PRIVATE_ADDRESS = 'IDP_PRIVATE_ADDRESS'

/**
 * A `fetch` of its own connections, which follows no redirect: where one leads, nobody has judged. Unless `mayBePrivate`, what is connected to
 * has to be a public address, at each connection anew: between a look at a name and its use, its owner can let it point elsewhere (DNS
 * rebinding). Otherwise it throws, with an error of the code IDP_PRIVATE_ADDRESS among the causes. `lookup` finds the addresses of a name.
 */
export function createGuardedFetch(options: { mayBePrivate: boolean; lookup?: LookupFunction }): Fetch {
  const lookup = options.lookup ?? (systemLookup as LookupFunction)
  const connect = options.mayBePrivate ? buildConnector({ lookup }) : onlyPublic(lookup)
  const dispatcher = new Agent({ connect })
  return async (url, init) =>
    // Both are the same standard by the same authors, in two versions: Node's has no lookup of our own.
    (await fetch(url, { ...(init as object), redirect: 'manual', dispatcher })) as unknown as Response
}

function onlyPublic(lookup: LookupFunction): buildConnector.connector {
  const connect = buildConnector({
    lookup: (hostname, options, done) =>
      lookup(hostname, options, (error, found, family) => {
        const addresses = typeof found === 'string' ? [found] : (found ?? []).map(({ address }) => address)
        // One that is private spoils all: what a name of the internet has to do in our networks is nothing.
        if (!error && !addresses.every(isPublicAddress)) return done(refusal(), found, family)
        done(error, found, family)
      }),
  })
  return (target, done) => {
    // A number is never looked up.
    if (isPrivateHost(target.hostname)) return done(refusal(), null)
    connect(target, done)
  }
}

function refusal(): Error {
  return codedError(PRIVATE_ADDRESS, 'The address is private: ALLOW_PRIVATE_IDP=1 allows it.')
}
