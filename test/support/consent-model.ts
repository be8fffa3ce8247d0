// What must be kept of a person and recorded of their answers, said once more and as briefly as it can be: the model that the product is held to.
export const SENT = ['email', 'name', 'nickname']
type Needs = Record<string, boolean>
/** `spoken`: the last change of words that asks, `version`: the last of all; `needs`: attribute → whether it is needed. */
export type ModelPurpose = { words: string; spoken: number; version: number; needs: Needs; isDue: boolean }
export class ConsentModel {
  purposes = new Map<string, ModelPurpose>()
  person: 'unknown' | 'made silently' | 'made by answering' = 'unknown'
  isSilent = false
  seen = new Map<string, ModelPurpose>()
  kept = new Set<string>()
  records: string[] = []
  holds = new Map<string, string>()
  last = new Map<string, string>()

  question(): { id: string; name: string; key: string; must: boolean; isDue: boolean }[] {
    return [...(this.isSilent ? [] : this.purposes)].flatMap(([id, is]) => {
      const all = this.seen.get(id)
      const isLate = is.isDue && !(all?.version === is.version && all.isDue)
      const isDue = is.isDue || this.person === 'unknown'
      return Object.entries(is.needs).flatMap(([name, isNeeded]) => {
        const [key, last = '', own] = [`${id}:${name}`, this.last.get(`${id}:${name}`), this.seen.get(`${id}:${name}`)]
        const was = own && own.version > (all?.version ?? -1) ? own : all
        const isNew = !was || (is.spoken > was.spoken && is.words !== was.words)
        const isOpen = last === 'change-refused' || (isNeeded && ['refused', 'withdrawn'].includes(last))
        const isMore = was && (!(name in was.needs) || (isNeeded && !was.needs[name]))
        const isAsked =
          (SENT.includes(name) || isNeeded || this.kept.has(name)) && (isNew || isMore || (isLate && isOpen))
        return isAsked ? [{ id, name, key, must: isNeeded && isDue, isDue }] : []
      })
    })
  }

  /** An answer to this question. False when a box that must be ticked is not: then nothing happens. */
  save(ticks: string[], boxes = this.question()): boolean {
    if (boxes.some(({ must, key }) => must && !ticks.includes(key))) return false
    const shown = new Set(this.person === 'unknown' ? this.purposes.keys() : boxes.map(({ id }) => id))
    const no = boxes.map(({ isDue, key }) => (!isDue && this.holds.get(key) === 'given' ? 'change-refused' : 'refused'))
    for (const [at, { key, name }] of boxes.entries()) {
      this.record(key, ticks.includes(key) ? 'given' : (no[at] ?? ''))
      if (ticks.includes(key)) this.kept.add(name)
    }
    for (const [id, is] of this.purposes) if (shown.has(id)) this.seen.set(id, structuredClone(is))
    if (this.person === 'unknown') this.person = 'made by answering'
    return this.keep(SENT)
  }
  record(key: string, state: string): void {
    this.records.push(`${key} ${state}`)
    for (const one of state === 'change-refused' ? [this.last] : [this.last, this.holds]) one.set(key, state)
  }

  /** Of what is kept, and of what the idp sends, stays what is covered: by a yes, or, of somebody made silently, by no answer at all. */
  keep(sent: string[]): true {
    const isCovered = (name: string) => {
      const states = [...this.holds].flatMap(([key, state]) => (key.endsWith(`:${name}`) ? state : []))
      return states.includes('given') || (this.person === 'made silently' && states.length === 0)
    }
    this.kept = new Set([...this.kept, ...sent].filter(isCovered))
    return true
  }
}
