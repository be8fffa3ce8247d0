// The answer to whoever is turned away for want of capacity: 503 and the page `busy`, made so cheaply that a thousand a second are no load.
import type { Request, RequestHandler, Response } from 'express'
import { PageError, statePage, tryAgain } from './errors.ts'
import { hereOf, languageOf } from './language.ts'
import { isForPrograms, problemOf } from './problems.ts'
import { headersOf, type Views } from './views.ts'

/** Those who are turned away in one second do not all come back in one. */
const RETRY_AFTER_SECONDS = { least: 5, most: 10 }
/** What is published meanwhile is seen within so long, as elsewhere. */
const KEPT_MS = 5_000
/** Stands for the address of the page while it is drawn. Plain, so that it looks the same however it is escaped. */
const HERE = '/0123456789abcdef'

/** What is the same for many: the headers, and the body around the addresses that stand in it. */
interface Drawn {
  headers: Record<string, string>
  parts: Buffer[]
}

/**
 * The page is drawn once for each language, and the address of the request put where it belongs: "Try again" leads there, and the links to
 * other languages. Nobody's name and no token is on it. `headers` and `language` are those of all answers; the former must be the same for all.
 */
export function createBusyAnswer(options: {
  views: Pick<Views, 'render' | 't'>
  headers: RequestHandler
  language: RequestHandler
}): (req: Request, res: Response) => void {
  const { views, headers, language } = options
  const problem = JSON.stringify(problemOf(views, new PageError(503, 'busy')))
  const kept = new Map<string, Drawn>()
  let keptSince = 0

  return (req, res) =>
    language(req, res, () => {
      // What a form sent is not found again by a link.
      const here = isForPrograms(req) || !/^(GET|HEAD)$/.test(req.method) ? undefined : hereOf(req)
      const { headers, parts } = drawnFor(req, res, here)
      const address = Buffer.from(escaped(here ?? ''))
      const body = Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [address, part])))
      res.writeHead(503, { ...headers, 'Retry-After': retryAfter(), 'Content-Length': body.length }).end(body)
    })

  function drawnFor(req: Request, res: Response, here: string | undefined): Drawn {
    const now = performance.now()
    if (now - keptSince > KEPT_MS) {
      kept.clear()
      keptSince = now
    }
    // The links to other languages add to the query, or begin one.
    const stand = here === undefined ? undefined : here.includes('?') ? `${HERE}?` : HERE
    const key = isForPrograms(req) ? '' : `${languageOf(res)} ${stand}`
    const found = kept.get(key)
    if (found) return found
    const made = isForPrograms(req) ? drawProblem(req, res) : drawPage(req, res, stand)
    kept.set(key, made)
    return made
  }

  function drawPage(req: Request, res: Response, stand: string | undefined): Drawn {
    const language = languageOf(res)
    const html = views.render('message', statePage('busy', {}, tryAgain(stand)), language, stand)
    const own = { 'Content-Type': 'text/html; charset=utf-8', ...headersOf(language) }
    return { headers: headersWith(req, res, own), parts: html.split(stand ?? HERE).map((part) => Buffer.from(part)) }
  }

  function drawProblem(req: Request, res: Response): Drawn {
    const own = { 'Content-Type': 'application/problem+json; charset=utf-8' }
    return { headers: headersWith(req, res, own), parts: [Buffer.from(problem)] }
  }

  function headersWith(req: Request, res: Response, own: Record<string, string>): Record<string, string> {
    const before = res.getHeaderNames()
    headers(req, res, () => {})
    const names = res.getHeaderNames().filter((name) => !before.includes(name))
    return {
      ...Object.fromEntries(names.map((name) => [name, String(res.getHeader(name))])),
      'Cache-Control': 'no-store',
      ...own,
    }
  }
}

function retryAfter(): string {
  const { least, most } = RETRY_AFTER_SECONDS
  return String(least + Math.floor(Math.random() * (most - least + 1)))
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
