// Finds what in a name could pass for something else, as far as UTS 39 (Unicode Security Mechanisms) can tell from the name alone. Pure.

/**
 * The code points of a canonical name that make it look like another, in the order of the name; empty for nearly every name. They are
 * letters of a second script (UTS 39 5.2, "highly restrictive"), digits of a second kind (5.3), letters that are for phonetic notation
 * only, and marks that hide in or pile up on what they stand on (5.4). Whether the whole name looks like somebody's, such as one in
 * Cyrillic letters alone that reads as a Latin one, takes a look at the names that there are.
 */
export function lookAlikesOf(points: string[]): string[] {
  return [...foreignLetters(points), ...foreignDigits(points), ...notation(points), ...hiddenMarks(points)]
}

// Writing systems that use several scripts at once: Japanese, Chinese with Bopomofo, Korean, each beside Latin; every other script stands alone.
// These are the scripts of UAX 31 table 5. The rarer ones, which only scholars mix, count as one.
const together = ['Latin Han Hiragana Katakana', 'Latin Han Bopomofo', 'Latin Han Hangul']
const alone =
  `Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao Malayalam
  Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan`.split(/\s+/)
const usual = [...together, ...alone].map((scripts) => scripts.split(' '))
// Script and not Script_Extensions for these two, whose extensions grow with each version of Unicode: a name must not depend on Node's.
const ofAnyScript = '\\p{Script=Common}\\p{Script=Inherited}'
const writingSystems = [
  ...usual.map((scripts) => new RegExp(`[${scripts.map(extended).join('')}${ofAnyScript}]`, 'u')),
  new RegExp(`[^${[...new Set(usual.flat())].map(extended).join('')}]|[${ofAnyScript}]`, 'u'),
]

function extended(script: string): string {
  return `\\p{Script_Extensions=${script}}`
}

/** What is left outside the writing system that has most of the name. */
function foreignLetters(points: string[]): string[] {
  let fewest = points
  for (const system of writingSystems) {
    const outside = points.filter((point) => !system.test(point))
    if (outside.length < fewest.length) fewest = outside
  }
  return fewest
}

/** Some digits of other scripts have the shape of another ASCII digit. */
function foreignDigits(points: string[]): string[] {
  const others = points.filter((point) => /\p{Nd}/u.test(point) && !/[0-9]/.test(point))
  return points.some((point) => /[0-9]/.test(point)) ? others : []
}

// Identifier_Type Technical of UTS 39 3.1, without what it also calls Uncommon_Use, which are letters of African languages: the script a,
// the script g, small capitals that look like small letters (ᴄ ᴏ ᴠ), the clicks that look like | and !, tone letters that look like colons.
const phonetic =
  /[\u01C0-\u01C3\u0250-\u0252\u0255\u0258\u025A\u025C-\u0262\u0264-\u0267\u026A-\u0271\u0273-\u0288\u028A-\u0291\u0293-\u02AF\u02B9\u02BA\u02BD-\u02D1\u02EE\u1D00-\u1D7F\uA730\uA731]/
// Katakana, a length mark and ideographs that outside Japanese and Chinese words are taken for a slash, a dash, a comma, a bar or a zero.
const cjk = '[\\p{Script_Extensions=Han}\\p{Script_Extensions=Hiragana}\\p{Script_Extensions=Katakana}]'
const lostStrokes = new RegExp(`(?<!${cjk})[ノソゾンー一丶丨〇]+(?!${cjk})`, 'gu')

function notation(points: string[]): string[] {
  const lost = [...points.join('').matchAll(lostStrokes)].flatMap(([strokes]) => [...strokes])
  return [...points.filter((point) => phonetic.test(point)), ...lost]
}

// A stroke through a letter makes another letter of it (l and ł) or none that anybody sees. The dot of an i hides a second one. A mark that
// begins a name belongs to the quotation mark before it, the same mark twice looks like once, and more than four pile up over the lines.
const strokes = /[\u0334-\u0338]/
const hiding = /(?<=\p{Soft_Dotted}\p{Mn}*)\u0307|^\p{M}|(\p{Mn})\1+|\p{Mn}{5,}/gu

function hiddenMarks(points: string[]): string[] {
  const hidden = [...points.join('').normalize('NFD').matchAll(hiding)].flatMap(([marks]) => [...marks])
  return [...points.filter((point) => strokes.test(point)), ...hidden]
}
