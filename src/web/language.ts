// The language of an answer: what the person chose, else what the application asked for, else what the browser says, else English.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Request, RequestHandler } from 'express'
import { cookieAttributes, cookieName, cookiesOf } from './cookies.ts'
import { type Fields, queryOf } from './forms.ts'
import { DEFAULT_LANGUAGE, LONGEST_WISH, wishedLanguage } from './language-tags.ts'

/** The field and the query parameter by which people choose. */
export const LANGUAGE = 'language'

const COOKIE = 'vestibule.language'
const COOKIE_SECONDS = 180 * 86_400

const LONGEST_ADDRESS = 4_000

interface Choice {
  language: string
  /** By the person, who is not overruled. */
  isChosen: boolean
  available: readonly string[]
}

/** Chooses for every answer, by the person's cookie or their browser. */
export function chooseLanguage(available: readonly string[], publicUrl: URL): RequestHandler {
  const cookie = cookieName(publicUrl, COOKIE)
  return (req, res, next) => {
    let choice: Choice | undefined
    // Most answers are redirects, which speak no language.
    res.locals['choice'] = (): Choice => {
      choice ??= firstChoice(req)
      return choice
    }
    next()
  }

  function firstChoice(req: Request): Choice {
    const kept = cookiesOf(req).filter(([name]) => name === cookie)
    const chosen = available.find((one) => kept.some(([, value]) => value === one))
    return { language: chosen ?? browserLanguage(req, available), isChosen: chosen !== undefined, available }
  }
}

/**
 * The switcher of pages without a form: a link to the page's own address with `language=de`. Remembers that and leads to the same address
 * without it. Nobody else's link chooses: applications have `ui_locales` for that.
 */
export function followLanguageLinks(publicUrl: URL): RequestHandler {
  return (req, res, next) => {
    if (!req.originalUrl.includes(`${LANGUAGE}=`)) return next()
    const parts = queryOf(req.originalUrl).split('&')
    const wanted = parts.filter(isLanguage).map((part) => part.slice(LANGUAGE.length + 1))
    const language = choiceOf(res)?.available.find((one) => one === wanted.at(-1))
    const isElsewhere = /^(cross-site|same-site)$/.test(req.get('Sec-Fetch-Site') ?? '')
    if (language === undefined || isElsewhere || !/^(GET|HEAD)$/.test(req.method)) return next()
    // "//" begins as the name of a host that never comes.
    if (!URL.canParse(req.originalUrl, publicUrl.href)) return next()
    rememberLanguage(res, publicUrl, language)
    const target = new URL(publicUrl)
    // Path and query only: "//evil.example" names a host of its own.
    target.pathname = new URL(req.originalUrl, publicUrl).pathname
    target.search = parts.filter((part) => !isLanguage(part)).join('&')
    res.redirect(303, target.href)
  }
}

function isLanguage(part: string): boolean {
  return part.startsWith(`${LANGUAGE}=`)
}

/** Keeps what the person chose, in this browser, and answers in it from now on. `language` is one that there are words for. */
function rememberLanguage(res: ServerResponse, publicUrl: URL, language: string): void {
  const value = `${cookieName(publicUrl, COOKIE)}=${language}; Max-Age=${COOKIE_SECONDS}`
  res.appendHeader('Set-Cookie', `${value}; ${cookieAttributes(publicUrl)}`)
  const choice = choiceOf(res)
  if (choice) Object.assign(choice, { language, isChosen: true })
}

/** What the person chose with a button of a form, if they did, is kept. Returns the language of the answer. */
export function takeLanguage(res: ServerResponse, publicUrl: URL, fields: Fields): string {
  const language = choiceOf(res)?.available.find((one) => one === fields.one(LANGUAGE))
  if (language !== undefined) rememberLanguage(res, publicUrl, language)
  return languageOf(res)
}

/** Answers as the application wished, unless the person has chosen. Returns the language of the answer. */
export function adoptLanguage(res: ServerResponse | undefined, wished: string | undefined): string {
  const choice = choiceOf(res)
  if (choice && !choice.isChosen) choice.language = wishedLanguage(wished, choice.available) ?? choice.language
  return languageOf(res)
}

/** The language that was chosen for this answer (BCP 47). */
export function languageOf(res: ServerResponse | undefined): string {
  return choiceOf(res)?.language ?? DEFAULT_LANGUAGE
}

function choiceOf(res: ServerResponse | undefined): Choice | undefined {
  return (res as { locals?: { choice?: () => Choice } } | undefined)?.locals?.choice?.()
}

function browserLanguage(req: Request, available: readonly string[]): string {
  if ((req.get('Accept-Language') ?? '').length > LONGEST_WISH) return DEFAULT_LANGUAGE
  return req.acceptsLanguages([...available]) || DEFAULT_LANGUAGE
}

/**
 * The address at which this page is found again by a link: a form's page is at the form's own address, with the flow it belongs to.
 * Nothing for one that could lead out of the house, or that would make the page heavy.
 */
export function hereOf(req: IncomingMessage | undefined): string | undefined {
  const { originalUrl = '', method = '', body, path } = (req ?? {}) as Partial<Request>
  const key: unknown = body?.sessionDataKey
  const posted = typeof key === 'string' ? `${path}?${new URLSearchParams({ sessionDataKey: key })}` : path
  const here = /^(GET|HEAD)$/.test(method) ? originalUrl : posted
  return here !== undefined && here.length <= LONGEST_ADDRESS && isOurs(here) ? here : undefined
}

/** True for an address that can lead nowhere else than to this house. */
export function isOurs(address: string): boolean {
  return /^\/(?![/\\.])/.test(address)
}
