// What an owner should look at: the first steps until they are done, and what has come apart since. Each by what the database says, never by a tick.
import { publishedAppearanceId } from '../db/appearances.ts'
import { lastSignIns } from '../db/audit.ts'
import { CONFIGURATION_FILE, lastChanges, wasTested } from '../db/changes.ts'
import { type EntryRow, type Kind, keyOf, listEntries } from '../db/entries.ts'
import { readOrganization } from '../db/installation.ts'
import type { House } from '../house.ts'
import { isLeaving } from '../settings/entries.ts'
import { countMisfits } from '../stores/review.ts'

export interface Step {
  label: string
  href: string
  isDone: boolean
}

export interface ToDo {
  text: string
  href: string
  action: string
}

export interface Things {
  steps: Step[]
  toDo: ToDo[]
}

/** Counting looks through every username. */
const MISFITS_MS = 60 * 60_000

const SCREENS: Record<Kind, { label: string; href(key: string): string }> = {
  idp: { label: 'identity provider', href: (key) => `/console/identity-providers/${encodeURIComponent(key)}` },
  purpose: {
    label: 'consent purpose',
    href: () => '/console/resident/user-onboarding/ask-password/purposes',
  },
  application: { label: 'application', href: (key) => `/console/applications/${encodeURIComponent(key)}` },
  userStore: { label: 'user store', href: (key) => `/console/user-stores/${encodeURIComponent(key)}` },
  attribute: { label: 'attribute', href: (key) => `/console/settings/attributes/${encodeURIComponent(key)}` },
}

/** Returns what finds the things to do. Of usernames it knows what it found in the last hour. */
export function createToDo(house: House): () => Promise<Things> {
  let misfits: { at: number; counts: Promise<Record<string, number>> } | undefined

  function countedMisfits(): Promise<Record<string, number>> {
    const now = house.now().getTime()
    if (misfits === undefined || now - misfits.at > MISFITS_MS) {
      misfits = { at: now, counts: countMisfits(house.db) }
      misfits.counts.catch(() => {
        misfits = undefined
      })
    }
    return misfits.counts
  }

  return async () => {
    const { db } = house
    const [idps, applications, purposes, organization, appearance, counts, left] = await Promise.all([
      listEntries(db, 'idp'),
      listEntries(db, 'application'),
      listEntries(db, 'purpose'),
      readOrganization(db),
      publishedAppearanceId(db),
      countedMisfits(),
      leftByTheFile(house),
    ])
    const on = idps.filter((idp) => idp.is_enabled)
    const seen = await lastSignIns(
      db,
      idps.map(({ id }) => String(id)),
    )
    const hasSignedIn = seen.size > 0 || (await wasTested(db, 'idp'))
    const steps = [
      {
        label: 'Say who you are: organisation and privacy page',
        href: '/console/settings',
        isDone: organization.name !== 'Vestibule' && organization.privacyPolicyUrl !== undefined,
      },
      {
        label: 'Add the application that people sign in to',
        href: '/console/applications',
        isDone: applications.some((application) => application.is_enabled),
      },
      { label: 'Add an identity provider', href: '/console/identity-providers', isDone: on.length > 0 },
      { label: 'Sign in through it', href: '/console/identity-providers', isDone: hasSignedIn },
      {
        label: 'Say what you keep and why: consent purposes',
        href: SCREENS.purpose.href(''),
        isDone: purposes.some((purpose) => purpose.is_enabled),
      },
      { label: 'Give the pages your colours and logo', href: '/console/appearance', isDone: appearance !== undefined },
    ]
    const silent = on.filter(({ id }) => !seen.has(String(id)))
    return {
      steps: steps.every(({ isDone }) => isDone) ? [] : steps,
      toDo: [
        ...left,
        ...Object.entries(counts).map(([store, count]) => ({
          text: `${count === 1 ? '1 username does' : `${count} usernames do`} not follow the rules of the store ${store} any more. Nobody is locked out by that`,
          href: SCREENS.userStore.href(store),
          action: `Look at ${store}`,
        })),
        ...(seen.size > 0 ? silent : []).map((idp) => ({
          text: `Nobody has signed in through ${String(idp['display_name'])} in the last 90 days`,
          href: SCREENS.idp.href(keyOf('idp', idp)),
          action: `Look at ${String(idp['display_name'])}`,
        })),
      ],
    }
  }
}

/** Entries that the configuration file had, does not mention any more, and so turned off: to be turned on again here, or deleted. */
async function leftByTheFile({ db }: House): Promise<ToDo[]> {
  const found: ToDo[] = []
  for (const kind of Object.keys(SCREENS) as Kind[]) {
    const all = await listEntries(db, kind)
    const off = all.filter((row) => !row.is_enabled && row.managed_by === 'console' && !isLeaving(row))
    if (off.length === 0) continue
    const changes = await lastChanges(db, kind)
    for (const row of off) {
      const key = keyOf(kind, row)
      if (changes.get(key)?.actor !== CONFIGURATION_FILE.name) continue
      const name = nameOf(row) ?? key
      const { label, href } = SCREENS[kind]
      found.push({
        text: `The configuration file does not mention the ${label} ${name} any more, so it is off`,
        href: href(key),
        action: `Look at ${name}`,
      })
    }
  }
  return found
}

function nameOf(row: EntryRow): string | undefined {
  const name = row['display_name'] ?? row['purpose'] ?? row['name']
  return typeof name === 'string' ? name : undefined
}
