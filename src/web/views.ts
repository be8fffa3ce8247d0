// The pages: a view by name, inside the layout, with words. Law: a request never reaches a template.

import type { Response } from 'express'
import { guarded } from './contract.ts'
import { hereOf, LANGUAGE, languageOf } from './language.ts'
import { directionOf } from './language-tags.ts'
import { tagOf } from './logging.ts'
import { languagesIn, loadMessages, type WordsOver } from './messages.ts'
import type {
  BackupCodesPage,
  ConnectPage,
  ContinuePage,
  DifferencesPage,
  ExistsPage,
  LoginPage,
  LogoutPage,
  Message,
  MessagePage,
  Problem,
  PromptPage,
  SecondFactorPage,
} from './page.ts'
import { createTemplates, type Print, type TemplateOptions } from './templates.ts'
import { type Look, OUR_LOOK } from './theme.ts'

/** Which page each view prints. */
export interface Pages {
  register: PromptPage
  signup: PromptPage
  login: LoginPage
  exists: ExistsPage
  connect: ConnectPage
  differences: DifferencesPage
  'second-factor': SecondFactorPage
  'backup-codes': BackupCodesPage
  message: MessagePage
  continue: ContinuePage
  logout: LogoutPage
}

export type ViewName = keyof Pages

/** Whom people can ask: a name or a role, an e-mail address, a telephone number. */
export interface Contact {
  contact?: string
  email?: string
  phone?: string
}

/** What the layout has to know of a page of people who are signed in. */
export interface InsidePage {
  title: Message
  problems: Problem[]
}

export interface Views {
  /** The languages that there are words for (BCP 47), English first. */
  languages: readonly string[]
  /**
   * The HTML text of a page, in one of `languages`; `here` is the address at which it is found again in another of them, `reference` what people
   * quote who ask for help.
   */
  render<V extends ViewName>(view: V, page: Pages[V], language: string, here?: string, reference?: string): string
  /**
   * Answers with a page that no cache keeps, in the language of the answer (language.ts), which quotes the sign-in that the request is about.
   * `status` is the HTTP status, 200 if left out.
   */
  send<V extends ViewName>(res: Response, view: V, page: Pages[V], status?: number): void
  /**
   * The same for pages of people who are signed in, which no contract describes: `view` inside `frame.view`, inside the layout. Both find
   * `page` and what is in `frame`.
   */
  inside(res: Response, view: string, page: InsidePage, frame: { view: string } & object, status?: number): void
  /** The sentence of a message, in one of `languages`. */
  t(message: Message, language: string): string
}

/**
 * Makes the views. `folders` holds the customised folder first and ours last: each file is taken from the first folder that has it.
 * `cache` keeps compiled templates. `organization` is asked at every page; it also stands in for `{org}` in messages without one.
 * `contact` says whom people can ask for help, in the footer of every page; nobody if left out. `now` is the clock of what a page says
 * about time left. `look` is that of the theme, `words` lie over those of the folders; both are asked at every page. `report` is told which of its files fail. With `isGuarded`, as in development, a template
 * that reads what the contract does not name throws. `isStrict` is for tests: that, and a message without words throws. Throws when a messages
 * file cannot be read.
 */
export function createViews(options: {
  folders: string[]
  cache: boolean
  organization: () => string | undefined
  contact?: () => Contact
  now?: () => Date
  look?: () => Look
  words?: () => WordsOver
  report?: TemplateOptions['report']
  ignores?: ((file: string) => boolean) | undefined
  isGuarded?: boolean
  isStrict?: boolean
}): Views {
  const {
    folders,
    cache,
    organization,
    contact = () => ({}),
    now = () => new Date(),
    look = () => OUR_LOOK,
    ...rest
  } = options
  const languages = languagesIn(folders)
  const directions = new Map(languages.map((tag) => [tag, directionOf(tag)]))
  const selfNames = new Map(languages.map((tag) => [tag, new Intl.DisplayNames(tag, { type: 'language' }).of(tag)]))
  const load = (language: string) => loadMessages(folders, language, options.isStrict ?? false, options.words)
  const words = new Map(languages.map((one) => [one, load(one)]))
  const wordsOf = (language: string) => words.get(language) ?? words.get('en') ?? load('en')
  const withOrganization = (message: Message): Message => ({
    ...message,
    values: { org: organization() ?? '', ...message.values },
  })
  const secondsUntil = (date: Date) => Math.max(0, Math.floor((date.getTime() - now().getTime()) / 1000))
  const isGuarded = options.isGuarded ?? (!cache || options.isStrict === true)
  const asset = (name: string) => {
    const address = look().asset(name)
    if (address === undefined) throw new Error(`there is no public/${name}`)
    return address
  }
  const templates = createTemplates({ report: () => {}, ...rest, folders, cache, now })

  const say = (message: Message, language: string) => wordsOf(language).t(withOrganization(message))

  /** The switcher: buttons of the page's form, which keep what was typed, or links. Nothing where the page is not found again. */
  function languageChoice(language: string, hasForm: boolean, here: string | undefined): LanguageChoice[] {
    if (languages.length < 2 || !(hasForm || here !== undefined)) return []
    return languages.map((tag) => ({
      tag,
      name: selfNames.get(tag) ?? tag,
      isCurrent: tag === language,
      ...(hasForm ? {} : { href: `${here}${here?.includes('?') ? '&' : '?'}${LANGUAGE}=${tag}` }),
    }))
  }

  function render<V extends ViewName>(
    view: V,
    page: Pages[V],
    language: string,
    here?: string,
    reference?: string,
  ): string {
    return templates.page((file) => draw(file, view, page, { language, here, reference }))
  }

  function draw<V extends ViewName>(
    file: Print,
    view: V,
    page: Pages[V],
    { language, here, reference }: { language: string; here: string | undefined; reference: string | undefined },
  ): string {
    const isMessage = view === 'message'
    // A message quotes in its middle what other pages quote at their foot.
    const given = structuredClone(isMessage && reference !== undefined ? { ...page, reference } : page)
    const around = { language, here, reference: isMessage ? undefined : reference }
    const shown = { page: isGuarded ? guarded(view, given) : deepFreeze(given) }
    return layOut(file, heads[view](page), around, shown, (locals) => file({ ...locals, file: view }))
  }

  /** A page inside the layout: `draw` makes it of the tools that every template has. */
  function layOut(
    file: Print,
    head: Head,
    { language, here, reference }: { language: string; here: string | undefined; reference: string | undefined },
    { page }: { page: unknown },
    draw: (locals: object) => string,
  ): string {
    const t = (message: Message) => say(message, language)
    const brand = organization() ?? head.application ?? ''
    const locals = {
      page,
      lang: language,
      dir: directions.get(language) ?? directionOf(language),
      t,
      around: (message: Message, name: string) => wordsOf(language).around(withOrganization(message), name),
      codeOf,
      dateOf: (iso: string) => dateIn(language, iso),
      secondsUntil,
      look: look(),
      asset,
    }
    // "Step – App – Organisation"; an application that bears the organisation's name says it once.
    const title = [...new Set([t(head.step), head.application, brand])].filter(Boolean).join(' – ')
    return file({
      ...locals,
      file: 'layout',
      ...head,
      brand,
      reference,
      help: helpOf(contact()),
      languages: languageChoice(language, head.hasForm, here),
      title,
      body: draw(locals),
    })
  }

  return {
    languages,
    render,
    t: say,
    send(res, view, page, status = 200) {
      const language = languageOf(res)
      const around = { language, here: res.locals['here'] ?? hereOf(res.req), reference: tagOf(res.req) }
      // Every page is about one person and carries a token or an address that is theirs.
      res
        .status(status)
        .set({ 'Cache-Control': 'no-store', ...headersOf(language) })
        .type('html')
        .send(templates.page((file) => draw(file, view, page, around), res.locals['requestId']))
    },
    inside(res, view, page, { view: frame, ...given }, status = 200) {
      const language = languageOf(res)
      const head = { ...NO_HEAD, step: page.title, hasProblems: page.problems.length > 0 }
      const tools = { page: deepFreeze(structuredClone(page)), momentOf: (date: Date) => momentIn(language, date) }
      const around = { language, here: hereOf(res.req), reference: undefined }
      const draw = (file: Print) =>
        layOut(file, head, around, tools, (locals) => {
          const all = { ...locals, ...given, ...tools }
          return file({ ...all, body: file({ ...all, file: view }), file: frame })
        })
      const html = templates.page(draw, res.locals['requestId'])
      res
        .status(status)
        .set({ 'Cache-Control': 'no-store', ...headersOf(language) })
        .type('html')
        .send(html)
    },
  }
}

/** What an answer says of the language it is in, and of what decided it. */
export function headersOf(language: string): Record<string, string> {
  return { 'Content-Language': language, Vary: 'Accept-Language, Cookie' }
}

/** A language that the page can be read in; with an address, or by a button of the page's form. */
interface LanguageChoice {
  tag: string
  name: string
  isCurrent: boolean
  href?: string
}

/** What the layout prints around a page. */
interface Head {
  step: Message
  application: string | undefined
  hasProblems: boolean
  /** The page has a form of ours (its id is `form`) that takes the choice of a language. */
  hasForm: boolean
  refresh: string | undefined
  privacyPolicyUrl: string | undefined
}

const NO_HEAD = {
  application: undefined,
  hasProblems: false,
  hasForm: false,
  refresh: undefined,
  privacyPolicyUrl: undefined,
}

const heads: { [V in ViewName]: (page: Pages[V]) => Head } = {
  register: promptHead,
  signup: promptHead,
  login: ({ application, local }) => ({
    ...NO_HEAD,
    step: { key: 'login.title', values: { app: application } },
    application,
    hasProblems: local.problems.length > 0,
    hasForm: true,
  }),
  exists: connectingHead,
  connect: connectingHead,
  differences: connectingHead,
  'second-factor': ({ application, heading, problems }) => ({
    ...NO_HEAD,
    step: heading,
    application,
    hasProblems: problems.length > 0,
    hasForm: true,
  }),
  'backup-codes': ({ application }) => ({ ...NO_HEAD, step: { key: 'factor.codes.title' }, application }),
  message: ({ title }) => ({ ...NO_HEAD, step: title }),
  continue: ({ application, href }) => ({
    ...NO_HEAD,
    step: application ? { key: 'continue.title.app', values: { app: application } } : { key: 'continue.title' },
    application,
    refresh: href,
  }),
  logout: ({ application }) => ({
    ...NO_HEAD,
    step: application ? { key: 'logout.title.app', values: { app: application } } : { key: 'logout.title' },
    application,
  }),
}

function promptHead({ application, heading, problems, consent }: PromptPage): Head {
  return {
    ...NO_HEAD,
    step: heading,
    application,
    hasProblems: problems.length > 0,
    hasForm: true,
    privacyPolicyUrl: consent?.privacyPolicyUrl,
  }
}

function connectingHead({ application, heading, problems }: ExistsPage | ConnectPage | DifferencesPage): Head {
  return { ...NO_HEAD, step: heading, application, hasProblems: problems.length > 0, hasForm: true }
}

/** The ways to ask for help, in one order on every page (WCAG 2.2, 3.2.6). The scheme comes first, so no value can be a script. */
function helpOf({ contact, email, phone }: Contact): { text: string; href?: string }[] {
  return [
    ...(contact ? [{ text: contact }] : []),
    ...(email ? [{ text: email, href: `mailto:${email}` }] : []),
    ...(phone ? [{ text: phone, href: `tel:${phone.replace(/\(0\)|[^+\d]/g, '')}` }] : []),
  ]
}

/** The stable code of a message for `data-msg`: TOO_MANY of TOO_MANY, EXPIRED of page.expired.title. */
function codeOf({ key }: Message): string {
  return (/^page\.(.+)\.\w+$/.exec(key)?.[1] ?? key).toUpperCase().replaceAll('-', '_')
}

/** A day as people write it; anything but YYYY-MM-DD as it is, because an idp may send what it likes. */
function dateIn(language: string, iso: string): string {
  const day = new Date(/^\d{4}-\d\d-\d\d$/.test(iso) ? `${iso}T00:00:00Z` : Number.NaN)
  return Number.isNaN(day.getTime()) ? iso : formatsOf(language).day.format(day)
}

/** A moment as people write it, in the time of nowhere: the server does not know where they are. */
function momentIn(language: string, date: Date): string {
  return `${formatsOf(language).moment.format(date)} UTC`
}

interface Formats {
  day: Intl.DateTimeFormat
  moment: Intl.DateTimeFormat
}

/** By language, of which there are as many as messages files: to make one costs as much as all else of a page. */
const formats = new Map<string, Formats>()

function formatsOf(language: string): Formats {
  const made = formats.get(language) ?? {
    day: new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }),
    moment: new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }),
  }
  formats.set(language, made)
  return made
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
