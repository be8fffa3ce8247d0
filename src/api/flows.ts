// The door in: an authentication flow elsewhere has verified somebody, and has them asked here what is left to ask.
import { listIdps } from '../db/idps.ts'
import { startFlowElsewhere } from '../flow.ts'
import { giveKey } from '../flow-keys.ts'
import type { House } from '../house.ts'
import { ProfileFault, toProfile } from '../login/profile.ts'
import { DEFAULT_LANGUAGE } from '../web/language-tags.ts'
import { problem } from '../web/problems.ts'
import { type Answer, type Resource, resource } from './resource.ts'
import { FlowRequest } from './shapes.ts'
import { absolute } from './ways.ts'

/** Where the browser comes in. */
export const ENTER = '/authenticationendpoint/enter.do'

export function flowResources(house: House): Resource[] {
  return [
    resource({
      path: '/flows',
      scope: 'internal_flow_create',
      shape: FlowRequest,
      async post({ application, body }) {
        const { idp: name, profile: claims, returnTo, state } = body
        // An application vouches for the people of the idps that it names, and for nobody else's.
        const idps = await listIdps(house.db, application.identityProviders ?? [])
        const idp = idps.find((one) => one.name === name)
        if (!idp) return wrong('IDP_UNKNOWN', 'The application may not vouch for people of such an identity provider')
        // Byte for byte, as it is kept: another issuer is another person.
        if (claims.iss !== idp.issuer) return wrong('ISSUER_WRONG', 'iss is not the issuer of this identity provider')
        if (!application.redirectUris.includes(returnTo))
          return wrong('RETURN_TO_UNKNOWN', 'returnTo is none of the redirectUris of the application')
        const profile = profileOf(() => toProfile(claims, idp))
        if (profile instanceof ProfileFault) return wrong('PROFILE_FAULT', `profile has ${profile.reason}`)
        const door = { kind: 'flow-api' as const, applicationId: application.id, returnTo, state }
        const flowId = await startFlowElsewhere(house, door, idp.id)
        const content = JSON.stringify({ profile, language: DEFAULT_LANGUAGE })
        const key = await giveKey(house, flowId, 'entry', content, application.id)
        const query = new URLSearchParams({ key: key ?? '' })
        return { status: 201, body: { location: absolute(house, `${ENTER}?${query}`) } }
      },
    }),
  ]
}

function wrong(code: string, detail: string): Answer {
  return { problem: problem(422, code, detail) }
}

function profileOf<Profile>(make: () => Profile): Profile | ProfileFault {
  try {
    return make()
  } catch (error) {
    if (error instanceof ProfileFault) return error
    throw error
  }
}
