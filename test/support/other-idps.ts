// Identity providers besides the one that startProduct brings, each with an issuer, keys and people of its own.
import type { Declared } from '../../src/declared.ts'
import { type Browser, openBrowser, type Page } from './browser.ts'
import { type Idp, startIdp } from './idp.ts'
import type { Product } from './product.ts'
import { arrive } from './road.ts'
import type { Newcomer } from './visits.ts'

export interface OtherIdp {
  name: string
  idp: Idp
  clientId: string
}

/** Starts one for each name. People read it as "Acme" and the name. */
export function startOtherIdps(...names: string[]): Promise<OtherIdp[]> {
  return Promise.all(names.map(async (name) => ({ name, idp: await startIdp(), clientId: `northwind-${name}` })))
}

/** For the `change` of startProduct: declares them like the silent idp, for every application. */
export function declareOthers(others: OtherIdp[]): (declared: Declared) => Declared {
  return (declared) => {
    const [model] = declared.identityProviders.filter(({ name }) => name === 'silent')
    if (!model) throw new Error('There is no silent idp to declare others like.')
    const added = others.map(({ name, idp, clientId }) => ({
      ...model,
      name,
      displayName: `Acme ${name}`,
      oidc: { ...model.oidc, issuer: idp.issuer, clientId },
    }))
    return {
      ...declared,
      identityProviders: [...declared.identityProviders, ...added],
      applications: declared.applications.map((application) => ({
        ...application,
        identityProviders: [...(application.identityProviders ?? []), ...others.map(({ name }) => name)],
      })),
    }
  }
}

/** Makes the product known to them as a client. */
export function introduce(product: Product, others: OtherIdp[]): void {
  for (const { name, idp, clientId } of others) {
    const declared = product.declared.identityProviders.find((one) => one.name === name)
    const clientSecret = declared?.oidc.clientSecret ?? ''
    idp.client({ clientId, clientSecret, redirectUri: `${product.url}/commonauth/${name}` })
  }
}

/** Signs a person in there who was not known to it; the page where that ends. */
export function arriveFrom(
  { name, idp }: OtherIdp,
  product: Product,
  person: Newcomer,
  browser: Browser = openBrowser(),
): Promise<Page> {
  idp.person(person.sub, person)
  return arrive(product, browser, name, person)
}
