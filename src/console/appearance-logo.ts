// Appearance, logo: a picture for the head of every page.
import type { Request, Response } from 'express'
import { LARGEST_BYTES, readPicture } from '../themes/picture.ts'
import type { Preview } from '../themes/preview.ts'
import { readDraft } from '../themes/publish.ts'
import { readFields, UPLOAD_BYTES } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { APPEARANCE, changeDraft, conflict, kept, versionOf } from './appearance-draft.ts'
import { FILES } from './appearance-preview.ts'
import type { Desk } from './desk.ts'

const LOGO = `${APPEARANCE}/logo`

export function logoPages(desk: Desk, preview: Preview): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/appearance/logo', roles: OWNER, handler: (req, res) => answer(req, res) },
    { method: 'post', path: '/appearance/logo', roles: OWNER, upload: { tooLarge }, handler: submit },
  ]

  function tooLarge(req: Request, res: Response): Promise<void> {
    const [sent, most] = [UPLOAD_BYTES, LARGEST_BYTES].map((bytes) => bytes / 1024)
    return answer(req, res, `The logo has more than ${sent} KB, and may have ${most}`, 413)
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const version = versionOf(fields)
    const file: unknown = req.body?.['logo']
    const isRemoval = fields.one('do') === 'remove'
    if (!isRemoval && !(Buffer.isBuffer(file) && file.length > 0)) return answer(req, res, 'Choose a file', 422)
    const reading = Buffer.isBuffer(file) && !isRemoval ? readPicture(file) : undefined
    if (reading && 'problem' in reading) return answer(req, res, reading.problem, 422)
    const saved = await changeDraft(desk, req, res, version, ({ logo: _old, ...now }) => ({
      ...now,
      ...(reading ? { logo: reading.picture } : {}),
    }))
    switch (saved.kind) {
      case 'refused':
        return answer(req, res, saved.faults[0]?.sentence, 422)
      case 'changed':
        return answer(req, res, conflict(saved.draft, house.now()), 409)
      default:
        return kept(desk, req, res, LOGO, saved)
    }
  }

  async function answer(req: Request, res: Response, problem?: string, status = 200): Promise<void> {
    const { version, appearance } = await readDraft(house)
    const [own] = [...preview.files({ ...appearance, tokens: { light: {}, dark: {} } }).keys()]
    desk.show(
      req,
      res,
      'appearance-logo',
      {
        title: 'Logo',
        crumbs: [{ label: 'Appearance', href: APPEARANCE }],
        version,
        isOwn: own !== undefined,
        logo: own === undefined ? house.appearance.beneath.look().logo : `${FILES}${own}`,
        problems: problem === undefined ? [] : [{ field: 'logo', text: problem }],
      },
      status,
    )
  }
}
