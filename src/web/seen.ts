// Whether a text shows anything at all. Pure.

/** Whether there is anything to see: no spaces alone, of whatever width, nor marks that are nothing by themselves, the Hangul filler or empty braille. */
export function isSeen(text: string): boolean {
  return /[^\p{White_Space}\p{M}\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text)
}
