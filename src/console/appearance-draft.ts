// What the pages of the screen Appearance share: a change of the draft, and what comes of it.
import type { Request, Response } from 'express'
import type { Appearance, AppearanceFault, Unjudged } from '../themes/appearance.ts'
import { type Draft, readDraft, type Saved, saveDraft } from '../themes/publish.ts'
import type { Fields } from '../web/forms.ts'
import { actorOf, ago, type Desk, type Problem } from './desk.ts'

export const APPEARANCE = '/console/appearance'

/** Changes a part of the draft that a form was made of; the other parts stay as they are. */
export async function changeDraft(
  { house }: Desk,
  req: Request,
  res: Response,
  version: number,
  change: (now: Appearance) => Unjudged,
): Promise<Saved> {
  const { appearance } = await readDraft(house)
  return saveDraft(house, { version, appearance: change(appearance) }, actorOf(req, res))
}

/** On to the page `to` when it was kept. */
export function kept(desk: Desk, req: Request, res: Response, to: string, saved: Saved): void {
  const notice = saved.kind === 'same' ? 'Nothing was changed' : 'Saved as a draft. Nobody sees it until you publish it'
  desk.done(req, res, to, notice)
}

/** Who was faster, and what to do. */
export function conflict({ saved }: Draft, now: Date): string {
  if (!saved) return 'The draft was published or forgotten meanwhile. Compare below, then save again'
  return `${saved.by} changed this ${ago(saved.at, now)}. Compare below, then save again`
}

/** The id of a draft as the form has it; what is no number is that of no draft. */
export function versionOf(fields: Fields): number {
  const text = fields.one('version')
  return /^\d{1,9}$/.test(text) ? Number(text) : -1
}

/** The id of a field on the page is the way to it, without the part that the page is about. */
export function faultsToProblems(faults: AppearanceFault[]): Problem[] {
  return faults.map(({ field, sentence }) => ({ field: field.slice(1).join('.') || field.join('.'), text: sentence }))
}
