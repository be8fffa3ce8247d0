// What a prompt page weighs over the wire, as a browser gets it that takes gzip and Brotli: at the first visit, and at the next.
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { openPrompt } from './prompt.ts'
import { type Bench, digits } from './report.ts'
import { setStage } from './stage.ts'
import type { Answer } from './visitor.ts'

const ACCEPT = { 'Accept-Encoding': 'gzip, deflate, br' }

export async function pagesBench(bench: Bench): Promise<void> {
  const stage = await setStage()
  try {
    const product = await stage.startProduct('PROMPT_PASSWORD_CONSENT')
    const { visitor, reload, page } = await openPrompt(stage, product)
    const first = await reload(ACCEPT)
    const parts: Part[] = [partOf('html', first)]
    for (const address of addressesIn(textOf(first))) {
      const answer = await visitor.get(new URL(address, page).href, ACCEPT)
      parts.push(partOf(kindOf(answer), answer))
    }
    const kilobytes = (kind: Part['kind']) =>
      parts.filter((part) => part.kind === kind).reduce((sum, { bytes }) => sum + bytes, 0) / 1000
    for (const { kind, bytes, path, encoding, isKept } of parts)
      bench.say(`${kind} ${path}: ${digits(bytes)} bytes, ${encoding}${isKept ? ', kept' : ''}`)
    const again = (await reload(ACCEPT)).body.length / 1000
    const asked = parts.filter(({ kind, isKept }) => kind !== 'html' && !isKept)
    bench.say(
      `first visit: ${digits(parts.reduce((sum, { bytes }) => sum + bytes, 0) / 1000)} kB in ${parts.length} requests; repeat visit: HTML of ${digits(again)} kB and ${asked.length} other requests`,
    )
    bench.reach('page: html', kilobytes('html'))
    bench.reach('page: css', kilobytes('css'))
    bench.reach('page: js', kilobytes('js'))
    bench.reach('page: requests', parts.length)
    bench.reach('page: again', asked.length)
  } finally {
    await stage.stop()
  }
}

interface Part {
  kind: 'html' | 'css' | 'js' | 'other'
  path: string
  bytes: number
  encoding: string
  /** A browser that has it does not ask for it again. */
  isKept: boolean
}

function partOf(kind: Part['kind'], { url, headers, body, status }: Answer): Part {
  if (status !== 200) throw new Error(`${url.pathname} answered ${status}`)
  const [, seconds = '0'] = /max-age=(\d+)/.exec(headers['cache-control'] ?? '') ?? []
  const encoding = headers['content-encoding'] ?? 'not compressed'
  return { kind, path: url.pathname, bytes: body.length, encoding, isKept: Number(seconds) > 0 }
}

/** What the page has loaded by itself: stylesheets, scripts, pictures and the icon, each once. */
function addressesIn(html: string): Set<string> {
  const elements = html.matchAll(/<(?:link|script|img)\b[^>]*?\s(?:href|src)="([^"]+)"[^>]*>/g)
  const addresses = [...elements].map(([, address = '']) => address.replaceAll('&amp;', '&'))
  return new Set(addresses.filter((address) => !address.startsWith('data:')))
}

function kindOf({ headers }: Answer): Part['kind'] {
  const type = headers['content-type'] ?? ''
  if (type.includes('css')) return 'css'
  return type.includes('javascript') ? 'js' : 'other'
}

function textOf({ headers, body }: Answer): string {
  if (headers['content-encoding'] === 'br') return brotliDecompressSync(body).toString()
  return (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
}
