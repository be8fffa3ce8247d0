// What a view receives: plain data, ready to print. Pages speak message keys, never sentences; views/messages/<language>.json has the words.

/** A sentence by key, with the values that go into it. Keys in capitals are the stable codes of views/messages. */
export interface Message {
  key: string
  /** A list is things to choose from: "A, B or C". */
  values?: Record<string, string | number | string[]>
  /** The operator's own words, in place of ours: plain text. */
  sentence?: string
}

/** A way on from a page that has nothing to fill in. */
export interface Action {
  label: Message
  href: string
}

/** Any page without a form: refused, expired, not found, finished, problem. */
export interface MessagePage {
  title: Message
  body: Message[]
  actions: Action[]
  /** Quoted by people who ask for help: the code of the sign-in, or of the request where there is none. */
  reference?: string
}

/** One line of the error summary: `field` is the id of the element that it links to. */
export interface Problem {
  field: string
  message: Message
}

/** The page that leads out of the house: a refresh and a link, because a form's redirect must not leave it (CSP form-action). */
export interface ContinuePage {
  application: string
  href: string
}

/** login.do: the application's identity providers as links, and the local sign-in. */
export interface LoginPage {
  application: string
  idps: { displayName: string; href: string }[]
  local: {
    action: string
    csrf: string
    sessionDataKey: string
    username: string
    /** How a name is written, when there is more than one store. */
    hints: Message[]
    problems: Problem[]
  }
}

/** The second factor during a sign-in: to show one, or to set one up that is required. */
export interface SecondFactorPage {
  application: string
  heading: Message
  lead: Message[]
  openUntil: Date
  problems: Problem[]
  form: { action: string; csrf: string; sessionDataKey: string; stay: string }
  /** An app to set up: its QR code as a path of unit squares, `size` wide and high, and the same to type. */
  app?: { size: number; path: string; secret: string }
  /** Absent: there is nothing to type yet. */
  code?: { label: Message; isNumber: boolean }
  /** What the button says that sends a code, or another one. */
  send?: Message
  /** Other ways to show or set up a factor, and to sign in. */
  others: Action[]
  /** What is left when all of that is lost. */
  lost?: Message
}

/** Backup codes, told once. */
export interface BackupCodesPage {
  application: string
  codes: string[]
  href: string
}

/** The confirmation of a sign-out that an application asked for. `form` is the OpenID Provider's own form state. */
export interface LogoutPage {
  application?: string
  action: string
  xsrf: string
}

/** register.do and signup.do. */
export interface PromptPage {
  application: string
  organization: string
  idp: string
  heading: Message
  signedInAs: string
  switchHref: string
  /** Where somebody goes who has an account already: to connect it. Absent: the idp does not offer that. */
  connectHref?: string
  /** When the page stops working. */
  openUntil: Date
  form: {
    action: string
    csrf: string
    sessionDataKey: string
    notice: string
    /** The name under which the browser may keep what was typed and ticked: another person, or other words, has another. */
    memory: string
    /** The address that keeps the page open longer. */
    stay: string
  }
  /** Empty on a first view. */
  problems: Problem[]
  /** The notice above the form, such as CHANGED. */
  changed?: Message
  username: /** `status`: the address that tells whether a name is free. `hints`: where the name goes, when there is more than one place. */
    | { kind: 'asked'; value: string; problem?: Message; suggestions: string[]; status: string; hints: Message[] }
    /**
     * Shown as text; with a password it is also a read-only field, so that password managers file it right. `fixed`: it is an id that was made
     * for the person, so they are told what it is and can copy it.
     */
    | { kind: 'shown'; value: string; fixed?: true }
  /** `again`: it was fine but something else was not, so it has to be typed again. */
  password?: { min: number; problem?: Message; again: boolean }
  consent?: { privacyPolicyUrl?: string; purposes: PurposeOnPage[] }
  /**
   * The page asks somebody who has an account already about a change of purposes: no name, no password. `until`: the last day on which they
   * can put it off, if there is one.
   */
  change?: { mayPutOff: boolean; until?: string }
  /** What the two buttons say: the one that saves (`create`), and the other (`decline`). */
  actions: { create: Message; decline: Message }
  /** What the idp says that the person may do here: kept in any case, and therefore named. */
  roles: string[]
}

/** What the pages have in common on which somebody connects an account that is here already. */
interface ConnectingPage {
  application: string
  idp: string
  heading: Message
  /** Who they are at the idp. */
  signedInAs: string
  switchHref: string
  openUntil: Date
  /** The notice above the form, such as CHANGED. */
  changed?: Message
  problems: Problem[]
}

/** What forms on those pages send along, and the address that keeps the page open longer. */
interface ConnectingForm {
  action: string
  csrf: string
  sessionDataKey: string
  stay: string
}

/** connect.do: an account here keeps the e-mail address that the idp verified. Is it theirs? Nothing else of it is said. */
export interface ExistsPage extends ConnectingPage {
  form: ConnectingForm
  /** The address, as the idp sent it. */
  email: string
  /** What a separate account means. */
  separate: Message
  /** The answer that was given before. */
  answer?: string
}

/** connect.do/sign-in: sign in to the account, with its password or by another idp that is connected to it. */
export interface ConnectPage extends ConnectingPage {
  form: ConnectingForm
  username: string
  /** How a name is written, when there is more than one store. */
  hints: Message[]
  idps: { displayName: string; href: string }[]
  backHref: string
}

/** connect.do/finish: what to replace in the account by what the idp says, before the two are connected. */
export interface DifferencesPage extends ConnectingPage {
  /** `notice`: a hash of what is shown, so that nothing is replaced that nobody has seen. */
  form: ConnectingForm & { notice: string }
  /** The account, by its username. */
  username: string
  rows: DifferenceOnPage[]
  backHref: string
}

export interface DifferenceOnPage {
  /** Element id of the tick box. */
  id: string
  /** Of the box. */
  value: string
  ticked: boolean
  label: Message | string
  /** The language of the label, where the operator has none in the page's. */
  lang?: string
  /** What is kept; absent: nothing. */
  now?: ShownValue
  sent: ShownValue
  /** They agreed to it before: without a tick it comes with the next sign-in by this idp, if nothing is kept. */
  isAgreed: boolean
  /** What it is kept for. */
  purposes: { purpose: string; lang?: string }[]
}

export interface PurposeOnPage {
  id: string
  /** The language of its words, where the operator has none in the page's. */
  lang?: string
  purpose: string
  description: string
  attributes: AttributeOnPage[]
}

export interface AttributeOnPage {
  /** Element id of the tick box (or of the row when there is none). */
  id: string
  label: Message | string
  /** The language of the label, where the operator has none in the page's. */
  lang?: string
  needed: boolean
  /** What the idp sent, or nothing. */
  value?: ShownValue
  /** Absent: nothing to tick, because the idp did not send it and it is optional. */
  box?: {
    value: string
    ticked: boolean
    problem?: Message
    /** About a change (`PromptPage.change`): what it means to leave the box empty. Absent: it must be ticked. */
    leftEmpty?: Message
  }
  /** A needed value that the idp did not send is typed here. */
  input?: {
    id: string
    name: string
    value: string
    type: 'text' | 'email' | 'tel' | 'date' | 'url'
    autocomplete: string
    problem?: Message
  }
}

export type ShownValue =
  | { kind: 'text'; text: string }
  | { kind: 'list'; items: string[] }
  | { kind: 'date'; iso: string }
