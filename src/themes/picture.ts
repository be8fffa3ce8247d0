// A picture that somebody chose for the head of every page: told by its bytes, never by what it is called. Pure.
import { problemOfSvg } from './svg.ts'

export type PictureType = 'image/png' | 'image/webp' | 'image/svg+xml'

export interface Picture {
  type: PictureType
  content: Buffer
}

export const ENDINGS: Record<PictureType, string> = { 'image/png': 'png', 'image/webp': 'webp', 'image/svg+xml': 'svg' }

export const LARGEST_BYTES = 102_400
/** Far more than a head shows; a few bytes can claim a picture that no telephone can hold. */
const LARGEST_PIXELS = 1_000

/** What it may be, in words. */
export const BOUNDS = `PNG, WebP or SVG, of at most ${LARGEST_BYTES / 1024} KB and ${LARGEST_PIXELS} by ${LARGEST_PIXELS} pixels`

/** The picture in these bytes, or why it is not taken: a sentence without its full stop. */
export function readPicture(content: Buffer): { picture: Picture } | { problem: string } {
  if (content.length === 0) return { problem: 'The file is empty' }
  if (content.length > LARGEST_BYTES) {
    return { problem: `The logo has ${Math.ceil(content.length / 1024)} KB, and may have ${LARGEST_BYTES / 1024}` }
  }
  const type = typeOf(content)
  if (type === undefined) return { problem: 'The logo is no PNG, WebP or SVG' }
  if (type === 'image/svg+xml') {
    const problem = problemOfSvg(content)
    return problem === undefined ? { picture: { type, content } } : { problem }
  }
  const size = type === 'image/png' ? sizeOfPng(content) : sizeOfWebp(content)
  if (!size || Math.min(...size) < 1) return { problem: 'The logo is damaged: it does not say how large it is' }
  if (Math.max(...size) > LARGEST_PIXELS) {
    return { problem: `The logo is ${size.join(' by ')} pixels, and may be ${LARGEST_PIXELS} by ${LARGEST_PIXELS}` }
  }
  return { picture: { type, content } }
}

const PNG = Buffer.from('89504e470d0a1a0a', 'hex')

function typeOf(content: Buffer): PictureType | undefined {
  const latin = (from: number, to: number) => content.toString('latin1', from, to)
  if (content.subarray(0, PNG.length).equals(PNG)) return 'image/png'
  if (latin(0, 4) === 'RIFF' && latin(8, 12) === 'WEBP') return 'image/webp'
  return /^(?:\xef\xbb\xbf)?\s*<(?:svg|\?xml|!--|!DOCTYPE svg)/.test(latin(0, 100)) ? 'image/svg+xml' : undefined
}

type Size = [width: number, height: number]

/** PNG (RFC 2083, 4.1.1): the first chunk is IHDR. */
function sizeOfPng(content: Buffer): Size | undefined {
  if (content.length < 24 || content.toString('latin1', 12, 16) !== 'IHDR') return undefined
  return [content.readUInt32BE(16), content.readUInt32BE(20)]
}

/** WebP (RFC 9649): the first chunk is a lossy picture, a lossless one, or says what follows. */
function sizeOfWebp(content: Buffer): Size | undefined {
  if (content.length < 30) return undefined
  switch (content.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return [content.readUInt16LE(26) & 0x3fff, content.readUInt16LE(28) & 0x3fff]
    case 'VP8L': {
      const bits = content.readUInt32LE(21)
      return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1]
    }
    case 'VP8X':
      return [content.readUIntLE(24, 3) + 1, content.readUIntLE(27, 3) + 1]
    default:
      return undefined
  }
}
