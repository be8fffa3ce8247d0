// Appearance, words: every sentence that people read, a part of them at a time; an empty field is as the theme, or we, say it.
import type { Request, Response } from 'express'
import { type Draft, readDraft } from '../themes/publish.ts'
import { type Fields, readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { APPEARANCE, changeDraft, conflict, kept, versionOf } from './appearance-draft.ts'
import type { Desk, Problem } from './desk.ts'

/** A form has 200 fields at most. */
const MOST = 100
/** Parts that are no beginning of a key. */
const CHANGED = 'changed'
const SEARCH = 'search'
const WORD = 'word.'

type Words = Record<string, string>

export function wordsPages(desk: Desk): Route[] {
  const { house } = desk
  return [
    {
      method: 'get',
      path: '/appearance/words',
      roles: OWNER,
      handler: (_req, res) => res.redirect(303, addressOf('en', CHANGED)),
    },
    { method: 'get', path: '/appearance/words/:tag/:part', roles: OWNER, handler: show },
    { method: 'post', path: '/appearance/words/:tag/:part', roles: OWNER, handler: submit },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const { tag, part } = placeOf(req)
    const draft = await readDraft(house)
    const typed = draft.appearance.words[tag] ?? {}
    const sought = typeof req.query['q'] === 'string' ? req.query['q'].trim().slice(0, 100) : ''
    const all = Object.entries({ ...house.appearance.beneath.sentences(tag), ...typed })
    const keys = all.filter(([key, said]) => isSought(part, key, said, sought, typed)).map(([key]) => key)
    answer(req, res, { draft, typed, keys, sought })
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const { tag, part } = placeOf(req)
    const fields = readFields(req.body)
    const version = versionOf(fields)
    const typed = typedIn(fields)
    const saved = await changeDraft(desk, req, res, version, ({ words: { [tag]: now = {}, ...others }, ...rest }) => {
      const words = Object.fromEntries(Object.entries({ ...now, ...typed }).filter(([, said]) => said !== ''))
      return { ...rest, words: Object.keys(words).length === 0 ? others : { ...others, [tag]: words } }
    })
    const keys = Object.keys(typed)
    switch (saved.kind) {
      case 'refused': {
        const problems = saved.faults.map(({ field, sentence }) => ({ field: `${WORD}${field[2]}`, text: sentence }))
        return answer(req, res, { draft: { ...(await readDraft(house)), version }, typed, keys, problems, status: 422 })
      }
      case 'changed':
        return answer(req, res, { draft: saved.draft, typed, keys, isConflict: true, status: 409 })
      default:
        return kept(desk, req, res, addressOf(tag, part === SEARCH ? CHANGED : part), saved)
    }
  }

  function answer(
    req: Request,
    res: Response,
    given: {
      draft: Draft
      typed: Words
      keys: string[]
      sought?: string
      problems?: Problem[]
      isConflict?: boolean
      status?: number
    },
  ): void {
    const { draft, typed, keys, sought = '', problems = [], isConflict = false, status = 200 } = given
    const { tag, part } = placeOf(req)
    const { languages } = house.views
    if (!languages.includes(tag))
      return desk.stop(
        req,
        res,
        404,
        'There are no pages in this language',
        'Another one is a file: docs/customise.md.',
        BACK,
      )
    const plain = house.appearance.beneath.sentences(tag)
    const parts = [...new Set(Object.keys(plain).map(partOf))].sort()
    desk.show(
      req,
      res,
      'appearance-words',
      {
        title: 'Words',
        crumbs: [BACK],
        problems,
        version: draft.version,
        conflict: isConflict ? conflict(draft, house.now()) : undefined,
        tag,
        sought,
        action: addressOf(tag, part),
        search: addressOf(tag, SEARCH),
        languages: languages.map((one) => ({ label: one, href: addressOf(one, part), isCurrent: one === tag })),
        parts: [CHANGED, ...parts].map((one) => ({ label: one, href: addressOf(tag, one), isCurrent: one === part })),
        more: Math.max(0, keys.length - MOST),
        fields: keys.slice(0, MOST).map((key) => {
          const theirs = draft.appearance.words[tag]?.[key] ?? ''
          const isOther = isConflict && theirs !== (typed[key] ?? '')
          const hint = `${plain[key] ?? ''}${isOther ? ` (theirs: ${theirs || 'empty'})` : ''}`
          return { id: `${WORD}${key}`, label: key, value: typed[key] ?? '', hint }
        }),
      },
      status,
    )
  }
}

const BACK = { label: 'Appearance', href: APPEARANCE }

function placeOf({ params }: Request): { tag: string; part: string } {
  return { tag: String(params['tag']), part: String(params['part']) }
}

function addressOf(tag: string, part: string): string {
  return `${APPEARANCE}/words/${encodeURIComponent(tag)}/${encodeURIComponent(part)}`
}

function typedIn(fields: Fields): Words {
  const names = fields.names.filter((name) => name.startsWith(WORD))
  return Object.fromEntries(names.map((name) => [name.slice(WORD.length), fields.one(name).trim()]))
}

/** The beginning of a key; codes of messages are one part. */
function partOf(key: string): string {
  return /^[A-Z]/.test(key) ? 'codes' : (key.split('.')[0] ?? '')
}

function isSought(part: string, key: string, said: string, sought: string, typed: Words): boolean {
  if (part === CHANGED) return Object.hasOwn(typed, key)
  if (part !== SEARCH) return partOf(key) === part
  return sought !== '' && `${key}\n${said}`.toLowerCase().includes(sought.toLowerCase())
}
