// Digits as people type them, on whatever keyboard they have. Pure.

/**
 * The same text with every decimal digit, of any script, as 0 to 9: what ٠١٢ and 012 say is one number. Nothing else is changed. Digits of one script
 * follow one another from its zero (The Unicode Standard, 4.6), and so those between the first of a run and a digit tell its value.
 */
export function asciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => {
    const point = digit.codePointAt(0) ?? 0
    let first = point
    while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first -= 1
    return String((point - first) % 10)
  })
}

/** Nobody types more around six digits, with spaces between all of them. */
const CODE_CHARACTERS = 30

/** The six digits of a code that somebody typed: spaces in it do not matter, nor whose digits they are. Undefined for what is none. */
export function sixDigitsIn(typed: string): string | undefined {
  // First, as the digits of a whole body would each be looked up for nothing.
  if (typed.length > CODE_CHARACTERS) return undefined
  const digits = asciiDigits(typed.replaceAll(/\s/g, ''))
  return /^\d{6}$/.test(digits) ? digits : undefined
}
