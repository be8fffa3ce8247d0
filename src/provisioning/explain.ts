// Says in plain English what happened at a sign-in and why, for operators: of a record, and of facts that somebody would sign in with. Pure.
import type { Outcome, SignInRecord } from '../db/audit.ts'
import { type Decision, decide, type Facts } from './decide.ts'
import { causeOf, type Names, pageOf, prospectOf } from './explain-causes.ts'
import { capital, failureIn, glossesOf, inBrackets, list, paragraph, times } from './explain-words.ts'

/** What is told: a record without what only finds it. */
export type Story = Pick<
  SignInRecord,
  | 'outcome'
  | 'cameBack'
  | 'problemCodes'
  | 'verdict'
  | 'asked'
  | 'refusal'
  | 'failure'
  | 'stage'
  | 'store'
  | 'door'
  | 'late'
  | 'answer'
> & { idp?: { displayName?: string }; application?: { name?: string } }

/** What happened, and why, in a few sentences. Never empty, whatever the record says. */
export function explain(story: Story): string {
  const names = namesOf(story)
  const { verdict, outcome, asked, late } = story
  if (late && late !== 'refused') {
    const { late: _, ...before } = story
    const end = LATE[outcome] ?? capital(endingOf(story, names))
    return `${explain({ ...before, outcome: late })} ${paragraph(`${end} before they were back at ${names.application}`)}`
  }
  if (!verdict) return paragraph(undecided(story, names), returnsAlone(story), mishap(story))
  const { facts, decision } = verdict
  const cause = capital(causeOf(facts, decision, names, 'was'))
  if (decision.kind === 'second-factor') {
    const asking = `${cause}, so ${FACTOR[decision.step]}${returns(story)}`
    const end = outcome === 'declined' ? 'They left: nothing about them was changed' : capital(endingOf(story, names))
    return paragraph(arrival(story, facts, names), asking, end, mishap(story))
  }
  if (decision.kind === 'ask' || decision.kind === 'offer') {
    const asking = `${cause}, so ${decision.kind === 'ask' ? `${pageOf(decision)} asked` : OFFERED}${returns(story)}`
    return paragraph(arrival(story, facts, names), asking, answerTo(story, names), mishap(story))
  }
  const before = asked && `They had been asked on ${pageOf(asked)} before${returns(story)}`
  const rest = asked ? undefined : returnsAlone(story)
  const isDone = DONE[decision.kind] === outcome
  const what = isDone ? `${cause}, so ${endingOf(story, names)}` : `${cause}. ${capital(endingOf(story, names))}`
  return paragraph(arrival(story, facts, names), before, rest, what, mishap(story))
}

/** What would happen to somebody with these facts, and why, as `decide` decides: "If they signed in now: …". */
export function foretell(facts: Facts, names: Names): string {
  const decision = decide(facts)
  return paragraph(`If they signed in now: ${causeOf(facts, decision, names, 'is')}, so ${prospectOf(decision)}`)
}

/** How somebody ended of whom there is a user by then. */
const LATE: Partial<Record<Outcome, string>> = {
  declined: 'They left at the second factor',
  expired: 'The time was up at the second factor',
}

const FACTOR = { show: 'they were asked for it', enrol: 'they were asked to set one up' }

const OFFERED = 'they were asked whether that user is theirs'

/** The outcome of each decision that needs no answer. */
const DONE: Record<Exclude<Decision['kind'], 'ask' | 'offer' | 'second-factor'>, Outcome> = {
  'sign-in': 'sign-in',
  'sign-in-federated': 'sign-in-federated',
  refuse: 'refused',
  create: 'user-created',
}

function arrival({ door }: Story, { user }: Facts, { idp }: Names): string {
  const where = door === 'flow-api' ? ' at a flow elsewhere' : ''
  return `${capital(idp)} signed somebody in${where} ${user ? 'who has a user here' : 'whom nobody knew yet'}`
}

/** What came of a question. */
function answerTo(story: Story, names: Names): string {
  const { outcome, answer } = story
  if (outcome === 'sign-in' && answer === 'chosen') return `They chose: ${endingOf(story, names)}`
  if (outcome === 'sign-in' && answer === 'later') return `They put it off: ${endingOf(story, names)} all the same`
  if (outcome === 'refused' && story.refusal === 'CONSENT_DUE')
    return `They did not agree: ${endingOf(story, names)} and nothing about them was changed`
  // Somebody who is known is kept, whatever they do not answer.
  if (outcome === 'expired' && story.verdict?.facts.user)
    return 'They did not answer before the time was up: nothing about them was changed'
  if (outcome === 'user-created') return `They finished: ${endingOf(story, names)}`
  return capital(endingOf(story, names))
}

function endingOf({ outcome, refusal, store, stage, verdict, failure }: Story, { idp }: Names): string {
  switch (outcome) {
    case 'user-created':
      return `a user was made${store ? ` in ${store}` : ''}${verdict?.decision.kind === 'create' ? ' without a question' : ''}`
    case 'sign-in':
      return `they were signed in as ${verdict ? 'that user' : 'their user'}`
    case 'sign-in-federated':
      return `they were let in without ${verdict ? 'one' : 'a user here'}, and nothing about them was kept`
    case 'sign-in-local':
      return 'they signed in with the username and password of a user here'
    case 'proved':
      return 'they proved once more, in My Account, who they are'
    case 'connected':
      return `they connected ${idp} to their account`
    case 'declined':
      return 'they chose not to create an account: nothing about them was kept'
    case 'refused':
      return `they were refused${refusal ? ` (${refusal})` : ''}`
    case 'idp-denied':
    case 'idp-failed':
      return `${idp} did not complete the sign-in${failureIn(failure)}`
    case 'expired':
      return stage === 'asked' || stage === undefined
        ? 'they did not answer before the time was up: nothing about them was kept'
        : 'the time was up before anything came of it'
    default:
      return outcome satisfies never
  }
}

/** A flow that came to no decision, or one of a version that kept none. */
function undecided(story: Story, names: Names): string {
  const { outcome, failure, refusal } = story
  const { idp, application } = names
  switch (outcome) {
    case 'sign-in-local':
      return `Somebody came from ${application} and signed in with the username and password of a user here`
    case 'proved':
      if (story.door === 'connecting') return `Somebody proved with ${idp} that a user here is theirs, to connect it`
      return `Somebody who was signed in to My Account proved with ${idp} who they are`
    case 'connected':
      return `Somebody who was signed in to My Account connected ${idp} to it`
    case 'idp-denied': {
      const why = failure === 'access_denied' ? ': they cancelled there, or it does not let them in' : ''
      return `${capital(idp)} sent somebody back without signing them in${failure ? ` (${failure})` : ''}${why}`
    }
    case 'idp-failed':
      return `Somebody went to ${idp}, which did not complete the sign-in${failureIn(failure)}`
    case 'expired':
      return lostAt(story, names)
    case 'declined':
      if (story.door === 'connecting') {
        return `Somebody who wanted to connect a user signed in with ${idp}, which proved none`
      }
      break
    case 'refused':
      if (refusal === 'IDP_OFF') {
        return `Somebody came back from ${idp}, which had been turned off here meanwhile, and was refused (IDP_OFF)`
      }
      break
    default:
  }
  return `${capital(idp)} signed somebody in; what was decided is not on record. ${capital(endingOf(story, names))}`
}

function lostAt({ stage, door, failure }: Story, { idp, application }: Names): string {
  switch (stage) {
    case 'away':
      return failure === undefined
        ? `Somebody went to ${idp} and did not come back before the time was up`
        : `Somebody chose ${idp} and could not be sent there${failureIn(failure)}; they came no further before the time was up`
    case 'returned':
      return door !== 'flow-api'
        ? `Somebody came back from ${idp}, and the sign-in broke off before anything was decided`
        : `${capital(idp)} signed somebody in at a flow elsewhere, and their browser did not come here before the time was up`
    case 'asked':
      return `${capital(idp)} signed somebody in who was asked and did not answer before the time was up`
    case 'second-factor':
      return `Somebody came from ${application}, signed in with a password and showed no second factor before the time was up`
    default:
      return `Somebody came from ${application} to the choice of a way to sign in, and took none before the time was up`
  }
}

/** How often the form came back, in the sentence that says that it asked. */
function returns({ cameBack, problemCodes }: Story): string {
  if (cameBack === 0) return ''
  const why = list(glossesOf(problemCodes))
  return `; ${why ? `${why}, so ` : ''}it came back ${times(cameBack)}${inBrackets(problemCodes)}`
}

/** The same of a form that no decision asked for: that of the local sign-in. */
function returnsAlone({ cameBack, problemCodes }: Story): string | undefined {
  if (cameBack === 0) return undefined
  const why = list(glossesOf(problemCodes))
  return `The form came back ${times(cameBack)}${why ? `: ${why}` : ''}${inBrackets(problemCodes)}`
}

/** What an idp failed in before it went well, or before another way was taken. */
function mishap({ outcome, stage, failure, verdict }: Story): string | undefined {
  const isTold = outcome === 'idp-denied' || outcome === 'idp-failed' || (!verdict && stage === 'away')
  return failure === undefined || isTold ? undefined : `An identity provider had failed before${failureIn(failure)}`
}

function namesOf(story: Story): Names {
  return {
    idp: story.idp?.displayName || 'an identity provider that is gone',
    application: whereFrom(story) || 'an application that is gone',
  }
}

/** What somebody signs in to, by its name. My Account is no application that a record could name: its door is what tells. */
export function whereFrom({ door, application }: Pick<Story, 'door' | 'application'>): string | undefined {
  return door === 'my-account' ? 'My Account' : application?.name
}
