// Sends the letters that wait, in every process: takes one, hands it over, writes down how that ended.
import { isIP } from 'node:net'
import { codeContext, mailContext, postponeMail, removeMail, type TakenMail, takeMail } from '../db/mails.ts'
import type { House } from '../house.ts'
import { closest, DEFAULT_LANGUAGE } from '../web/language-tags.ts'
import { oneAddress } from './address.ts'
import { KINDS, writeLetter } from './letters.ts'
import type { MailServer } from './server.ts'
import { createDelivery, type Delivery } from './transport.ts'

export interface Postman {
  /** Where letters are handed over: host and port, nothing else of the address. */
  through: string
  /** Sends what is due, one letter after the other; while that goes on, the same again. Throws `DatabaseAway`. */
  sendDue(): Promise<void>
  /** Begins no other letter, and resolves when the last one is over. */
  stop(): Promise<void>
}

const MINUTE_MS = 60_000
/** Nobody else takes a letter for so long: longer than a delivery, and than the clocks of two processes differ. */
const TAKEN_MS = 5 * MINUTE_MS
/** When the server is away, or wants us to come back: so long after one another, then every hour. */
const PAUSES_MINUTES = [1, 5, 15]
const HOURLY_MINUTES = 60
/** What happened longer ago than this is no news. Sweeping removes what is left (db/sweep.ts). */
const NEWS_MS = 24 * 60 * MINUTE_MS
/** A code is good for no longer (factors/show.ts), and nobody needs one that comes later. */
const CODE_MS = 5 * MINUTE_MS
/**
 * A process that dies between handing a letter over and writing that down leaves it to be sent again: once, because one that comes twice harms
 * nobody and one that never comes may.
 */
const MOST_ATTEMPTS = 2

type PostmanHouse = Pick<House, 'db' | 'keyring' | 'views' | 'settings' | 'publicUrl' | 'log' | 'metrics' | 'now'>

export function createPostman(house: PostmanHouse, server: MailServer): Postman {
  const { db, keyring, views, settings, publicUrl, log, metrics, now } = house
  // An address is no name that anybody could be written to at.
  const host = isIP(publicUrl.hostname.replace(/^\[|\]$/g, '')) === 0 ? publicUrl.hostname : 'localhost'
  const deliver = createDelivery(server, host)
  let isStopping = false
  let round: Promise<void> | undefined

  async function sendAll(): Promise<void> {
    while (!isStopping) {
      const at = now()
      const mail = await takeMail(db, KINDS, { now: at, until: new Date(at.getTime() + TAKEN_MS) })
      if (!mail) return
      await conclude(mail, await send(mail))
    }
  }

  async function send(mail: TakenMail): Promise<Delivery | { kind: 'dropped' }> {
    if (mail.attempts > MOST_ATTEMPTS) return { kind: 'refused', reason: 'EUNCERTAIN' }
    if (now().getTime() - mail.createdAt.getTime() > newsOf(mail)) return { kind: 'refused', reason: 'EOLD' }
    const to = addressOf(mail)
    const code = codeIn(mail)
    if (to === undefined || code === 'lost') return { kind: 'dropped' }
    const organization = settings().organization
    const { name, email } = organization
    // A theme that had words in their language may be gone.
    const language = closest(mail.language, views.languages) ?? DEFAULT_LANGUAGE
    const say = (key: string, values: Record<string, string> = {}) => views.t({ key, values }, language)
    return deliver({
      id: mail.id,
      from: { name, address: server.from ?? oneAddress(email) ?? `no-reply@${host}` },
      to,
      date: mail.createdAt,
      language,
      ...writeLetter(
        { ...mail, language, ...(code === undefined ? {} : { code }) },
        { say, publicUrl, contact: organization },
      ),
    })
  }

  /** Undefined when they have none any more, or it was sealed under a key that is gone. */
  function addressOf({ id, sealed, address }: TakenMail): string | undefined {
    if (sealed === null) return address ?? undefined
    try {
      return keyring.unseal(mailContext(id), sealed)
    } catch {
      return undefined
    }
  }

  /** The code that a letter brings; `lost` when the key is gone that it was sealed under. */
  function codeIn({ id, codeSealed }: TakenMail): string | undefined {
    if (codeSealed === null) return undefined
    try {
      return keyring.unseal(codeContext(id), codeSealed)
    } catch {
      return 'lost'
    }
  }

  /** Kinds and ids are logged: whose letter it is, and what is in it, stands in no log. */
  async function conclude(mail: TakenMail, delivery: Delivery | { kind: 'dropped' }): Promise<void> {
    const about = { mail: mail.id, kind: mail.kind, ...(mail.attempts > 1 ? { attempt: mail.attempts } : {}) }
    const again = delivery.kind === 'failed' ? nextTry(mail.createdAt, now(), newsOf(mail)) : undefined
    if (again) await postponeMail(db, mail.id, again)
    else await removeMail(db, mail.id)
    if (delivery.kind === 'delivered') {
      metrics.mail(mail.kind, 'sent')
      log.info(about, mail.attempts > 1 ? 'letter sent, perhaps for the second time' : 'letter sent')
    } else if (delivery.kind === 'dropped') {
      metrics.mail(mail.kind, 'dropped')
      log.info(about, 'letter dropped: there is no address to write to any more')
    } else {
      metrics.mail(mail.kind, again ? 'put-off' : 'given-up')
      log.warn({ ...about, reason: delivery.reason }, again ? 'letter put off' : 'letter given up')
    }
  }

  return {
    through: `${isIP(server.host) === 6 ? `[${server.host}]` : server.host}:${server.port}`,
    sendDue() {
      round ??= sendAll().finally(() => {
        round = undefined
      })
      return round
    },
    async stop() {
      isStopping = true
      // Whoever began the round is told what is wrong with it.
      await round?.catch(() => {})
    },
  }
}

/** When to try again: moments that are counted from when the letter was written, until it is no news any more. */
export function nextTry(createdAt: Date, now: Date, newsMs = NEWS_MS): Date | undefined {
  let at = createdAt.getTime()
  for (let tries = 0; at <= now.getTime(); tries += 1) at += (PAUSES_MINUTES[tries] ?? HOURLY_MINUTES) * MINUTE_MS
  return at - createdAt.getTime() > newsMs ? undefined : new Date(at)
}

/** How long what a letter says is worth reading. */
function newsOf({ codeSealed }: Pick<TakenMail, 'codeSealed'>): number {
  return codeSealed === null ? NEWS_MS : CODE_MS
}
