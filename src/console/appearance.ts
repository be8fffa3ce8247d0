// The screen Appearance: the draft, what is in use, and what was.
import type { Request, Response } from 'express'
import { checkAppearance } from '../themes/appearance.ts'
import { createPreview } from '../themes/preview.ts'
import { AS_MADE, discardDraft, history, isAsMade, publish, readDraft, rollBack } from '../themes/publish.ts'
import { readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { coloursPages } from './appearance-colours.ts'
import { APPEARANCE, faultsToProblems, versionOf } from './appearance-draft.ts'
import { logoPages } from './appearance-logo.ts'
import { FILES, previewPages } from './appearance-preview.ts'
import { wordsPages } from './appearance-words.ts'
import { actorOf, type Desk, type Problem, VIEWS } from './desk.ts'

/** Typed by whoever wants colours that not everybody can see. */
const ANYWAY = 'use anyway'

export function appearanceScreen(desk: Desk): Route[] {
  const { house } = desk
  const preview = createPreview([...(house.theme?.folders ?? []), VIEWS], house.appearance.beneath, FILES)
  return [
    { method: 'get', path: '/appearance', roles: OWNER, handler: (req, res) => answer(req, res, { note: '' }) },
    { method: 'post', path: '/appearance/publish', roles: OWNER, handler: submitPublish },
    { method: 'post', path: '/appearance/discard', roles: OWNER, handler: submitDiscard },
    { method: 'post', path: '/appearance/roll-back', roles: OWNER, handler: submitRollBack },
    ...coloursPages(desk),
    ...logoPages(desk, preview),
    ...wordsPages(desk),
    ...previewPages(desk, preview),
  ]

  async function answer(
    req: Request,
    res: Response,
    { note, problems = [], status = 200 }: { note: string; problems?: Problem[]; status?: number },
  ): Promise<void> {
    const [draft, entries, asMade] = await Promise.all([readDraft(house), history(house), isAsMade(house)])
    const faint = checkAppearance(draft.appearance, house.appearance.beneath).map(({ sentence }) => sentence)
    const page = {
      title: 'Appearance',
      theme: house.theme?.name,
      draft,
      entries,
      asMade: asMade ? undefined : AS_MADE,
      faint,
      anyway: ANYWAY,
      note,
      problems,
    }
    desk.show(req, res, 'appearance', page, status)
  }

  async function submitPublish(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const note = fields.one('note').trim()
    const useAnyway = fields.one('anyway').trim().toLowerCase() === ANYWAY
    const published = await publish(house, { version: versionOf(fields), note, useAnyway }, actorOf(req, res))
    switch (published.kind) {
      case 'changed':
        return answer(req, res, {
          note,
          status: 409,
          problems: [{ field: 'draft', text: 'The draft was changed meanwhile. Look at it again, then publish' }],
        })
      case 'refused':
        return answer(req, res, {
          note,
          status: 422,
          problems: published.faults.map(({ field: [field = ''], sentence, isFaint }) => ({
            field: isFaint ? 'anyway' : field === 'note' ? 'note' : 'draft',
            text: sentence,
          })),
        })
      case 'same':
        return desk.done(req, res, APPEARANCE, 'The draft is what is in use already')
      default:
        return desk.done(req, res, APPEARANCE, 'Published. People see it on the next page that they open')
    }
  }

  async function submitDiscard(req: Request, res: Response): Promise<void> {
    const isDone = await discardDraft(house, versionOf(readFields(req.body)), actorOf(req, res))
    if (isDone) return desk.done(req, res, APPEARANCE, 'The draft is forgotten')
    const problems = [{ field: 'draft', text: 'The draft was changed meanwhile. Look at it again' }]
    await answer(req, res, { note: '', status: 409, problems })
  }

  async function submitRollBack(req: Request, res: Response): Promise<void> {
    const chosen = readFields(req.body).one('id')
    const id = chosen === AS_MADE ? AS_MADE : Number(chosen)
    const [entry] = (await history(house)).filter((one) => one.id === id)
    if (!entry && id !== AS_MADE) return desk.stop(req, res, 404, 'This is not kept any more', 'Twenty are kept.', BACK)
    const to = entry ? `${entry.publishedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC` : 'how it was made'
    const note = `Back to ${to}`
    const back = await rollBack(house, { id, note }, actorOf(req, res))
    if (back.kind === 'gone') return desk.stop(req, res, 404, 'This is not kept any more', 'Twenty are kept.', BACK)
    if (back.kind === 'refused')
      return answer(req, res, { note: '', status: 422, problems: faultsToProblems(back.faults) })
    const said = back.kind === 'same' ? 'This is what is in use already' : 'In use again'
    desk.done(req, res, APPEARANCE, said)
  }
}

const BACK = { label: 'Go to Appearance', href: APPEARANCE }
