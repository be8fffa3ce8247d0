// A page that a person would see, shown to an operator: no script of it runs and no form of it is sent.
import type { Response } from 'express'
import type { Rehearsal } from '../provisioning/rehearse.ts'
import { PREVIEW_SANDBOX } from '../themes/preview.ts'
import type { Views } from '../web/views.ts'

export function sendInert(res: Response, views: Views, { view, page }: NonNullable<Rehearsal['page']>): void {
  sendInertText(res, views.render(view, page, 'en'))
}

/** The same of a page that is printed already. */
export function sendInertText(res: Response, html: string): void {
  // By itself it would be a page of ours that asks for passwords.
  const policy = `${res.getHeader('Content-Security-Policy')}; ${PREVIEW_SANDBOX}`
  res.status(200).set({ 'Cache-Control': 'no-store', 'Content-Security-Policy': policy }).type('html').send(html)
}
