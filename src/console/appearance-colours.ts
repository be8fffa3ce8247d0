// Appearance, colours and shapes: a field for each token; an empty one is as the theme, or we, made it.
import type { Request, Response } from 'express'
import { checkAppearance } from '../themes/appearance.ts'
import { type Draft, readDraft } from '../themes/publish.ts'
import { KINDS, TOKENS, type Tokens } from '../themes/tokens.ts'
import { type Fields, readFields } from '../web/forms.ts'
import { OWNER, type Route } from './access.ts'
import { APPEARANCE, changeDraft, conflict, faultsToProblems, kept, versionOf } from './appearance-draft.ts'
import type { Desk, Problem } from './desk.ts'

const SCHEMES = ['light', 'dark'] as const
const NAMES = Object.keys(TOKENS)
/** What the names do not say by themselves. */
const LABELS: Record<string, string> = {
  'color-bg': 'Ground',
  'color-surface': 'Second ground',
  'color-text': 'Text',
  'color-muted': 'Quiet text',
  'color-border': 'Edges of fields',
  'color-accent': 'Buttons and links',
  'color-on-accent': 'Text on buttons',
  'color-error': 'What is wrong',
  'color-warn': 'Notices',
  'color-focus': 'Ring of the focus',
  'color-page': 'Page',
  'color-sheet': 'Sheet on the page',
  'color-line': 'Lines',
  radius: 'Corners',
  'font-size': 'Size of text',
  measure: 'Width of the page',
  'logo-height': 'Height of the logo',
  'font-body': 'Fonts',
}
const isColour = (name: string) => TOKENS[name] === 'color'

export function coloursPages(desk: Desk): Route[] {
  const { house } = desk
  return [
    { method: 'get', path: '/appearance/colours', roles: OWNER, handler: show },
    { method: 'post', path: '/appearance/colours', roles: OWNER, handler: submit },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const draft = await readDraft(house)
    answer(req, res, { draft, typed: draft.appearance.tokens })
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const typed = tokensIn(fields)
    const saved = await changeDraft(desk, req, res, versionOf(fields), (now) => ({ ...now, tokens: typed }))
    switch (saved.kind) {
      case 'refused':
        return answer(req, res, {
          draft: { ...(await readDraft(house)), version: versionOf(fields) },
          typed,
          problems: faultsToProblems(saved.faults),
          status: 422,
        })
      case 'changed':
        return answer(req, res, { draft: saved.draft, typed, isConflict: true, status: 409 })
      default:
        return kept(desk, req, res, `${APPEARANCE}/colours`, saved)
    }
  }

  function answer(
    req: Request,
    res: Response,
    given: { draft: Draft; typed: Tokens; problems?: Problem[]; isConflict?: boolean; status?: number },
  ): void {
    const { draft, typed, problems = [], isConflict = false, status = 200 } = given
    const { beneath } = house.appearance
    const fieldsOf = (scheme: 'light' | 'dark', names: string[]) =>
      names.map((name) => {
        const theirs = draft.appearance.tokens[scheme][name] ?? ''
        const own = typed[scheme][name] ?? ''
        const hints = [
          `Empty: ${plain(beneath.tokens, scheme, name)}`,
          ...(isConflict && theirs !== own ? [`Theirs: ${theirs || 'empty'}`] : []),
        ]
        return { id: `${scheme}.${name}`, label: labelOf(name), value: own, hint: hints.join('. ') }
      })
    const faint = problems.length > 0 ? [] : checkAppearance({ ...draft.appearance, tokens: typed }, beneath)
    desk.show(
      req,
      res,
      'appearance-colours',
      {
        title: 'Colours and shapes',
        crumbs: [{ label: 'Appearance', href: APPEARANCE }],
        problems,
        version: draft.version,
        conflict: isConflict ? conflict(draft, house.now()) : undefined,
        faint: faint.map(({ sentence }) => sentence),
        groups: [
          { legend: 'On light pages', fields: fieldsOf('light', NAMES.filter(isColour)) },
          { legend: 'On dark pages', fields: fieldsOf('dark', NAMES.filter(isColour)) },
          {
            legend: 'Shapes and letters',
            fields: fieldsOf(
              'light',
              NAMES.filter((name) => !isColour(name)),
            ),
          },
        ],
        examples: [KINDS.color.example, KINDS.length.example],
      },
      status,
    )
  }
}

function labelOf(name: string): string {
  const label = LABELS[name]
  return label === undefined ? name : `${label} (${name})`
}

function tokensIn(fields: Fields): Tokens {
  const read = (scheme: 'light' | 'dark') =>
    Object.fromEntries(
      NAMES.filter((name) => scheme === 'light' || isColour(name)).flatMap((name) => {
        const value = fields.one(`${scheme}.${name}`).trim()
        return value === '' ? [] : [[name, value]]
      }),
    )
  const [light = {}, dark = {}] = SCHEMES.map(read)
  return { light, dark }
}

/** As it is without an appearance, in words for one that is as another. */
function plain({ light, dark }: Tokens, scheme: 'light' | 'dark', name: string): string {
  const value = (scheme === 'dark' ? dark[name] : undefined) ?? light[name] ?? ''
  return value.replace(/^var\(--jit-([\w-]+)\)$/, 'as $1')
}
