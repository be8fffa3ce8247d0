// The settings that every request needs, as they are now: read again every few seconds, so that a change in the console holds without a restart.
import type { Db } from '../db/connect.ts'
import { type Organization, readSections } from '../db/installation.ts'
import { customAttributes } from '../db/purposes.ts'
import { JIT_DEFAULTS, pagesOf } from '../declared.ts'
import { canonicalForm } from '../provisioning/username.ts'

export interface LiveSettings {
  organization: Organization
  /** Where the two prompts are: paths of ours. */
  prompts: { register: string; signup: string }
  /** The pages of the operator's own that ask in their place, if they do: addresses elsewhere. */
  elsewhere: { register?: string; signup?: string }
  /** What holds for names in every store: what becomes of an unknown prefix, and words that nobody may have (canonical). */
  names: { unknownStore: 'PRIMARY' | 'refuse'; reserved: ReadonlySet<string> }
  /** The enhanced feature (design, 7): whether it is on, and whether everybody has to have a second factor. */
  enhanced: { isOn: boolean; requireSecondFactor: boolean }
  /** Whether people read that they are locked, or only that they cannot sign in. */
  showFailureReason: boolean
  /** The names of the operator's own attributes, in one order: what applications can be told beside the standard ones. */
  attributes: string[]
}

export interface Live {
  /** As they were a few seconds ago at most. */
  now(): LiveSettings
  /** Reads them again at once, as after a change. Throws `DatabaseAway`. */
  reread(): Promise<void>
  /** Ends the reading every few seconds. */
  stop(): void
}

/** A change in another process holds in this one after so long. */
const EVERY_MS = 5_000

/** Reads the settings, and again every few seconds. `onError` is told when that fails: what was read last holds until it works again. */
export async function startLiveSettings(db: Db, onError: (error: unknown) => void, everyMs = EVERY_MS): Promise<Live> {
  let settings = await readLiveSettings(db)
  let [begun, shown] = [0, 0]
  const reread = async () => {
    begun += 1
    const turn = begun
    const found = await readLiveSettings(db)
    // Of two readings at once the one that began later knows more.
    if (turn > shown) [settings, shown] = [found, turn]
  }
  const timer = setInterval(() => reread().catch(onError), everyMs).unref()
  return { now: () => settings, reread, stop: () => clearInterval(timer) }
}

async function readLiveSettings(db: Db): Promise<LiveSettings> {
  const [{ organization, jitProvisioning }, attributes] = await Promise.all([readSections(db), customAttributes(db)])
  const jit = { ...JIT_DEFAULTS, ...jitProvisioning.content } as typeof JIT_DEFAULTS
  return {
    organization: organization.content as unknown as Organization,
    ...pagesOf(jit),
    names: {
      unknownStore: jit.unknown_user_store,
      reserved: new Set(jit.reserved_usernames.map((word) => canonicalForm(word))),
    },
    enhanced: { isOn: jit.enable_enhanced_feature, requireSecondFactor: jit.require_second_factor },
    showFailureReason: jit.show_failure_reason,
    attributes: [...attributes.keys()].sort(),
  }
}
