/** What may come next in a JSON text. */
export type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing'

/** The same as the beginnings of sentences. */
export const expectations: Readonly<Record<Expected, string>> = {
  value: 'a value must follow',
  'value or end': 'a value or ] must follow',
  key: 'a name in double quotes must follow',
  'key or end': 'a name in double quotes or } must follow',
  colon: 'a colon must follow the name',
  'comma or end': 'a comma or the end of the object or array must follow',
  nothing: 'nothing must follow the end of the value',
}

/** How many bytes {@link hintFor} looks at. */
export const LONGEST_HINTED = 9

const hints: readonly (readonly [what: RegExp, hint: string])[] = [
  [/^'/, ': JSON has strings in double quotes only'],
  [/^(?:\/\/|\/\*|#)/, ': JSON has no comments'],
  [/^(?:NaN|Infinity)/, ': JSON has no NaN and no Infinity'],
  [/^(?:True|False|None|TRUE|FALSE|NULL|undefined)/, ': JSON has true, false and null'],
]

/** How to mend what begins so, where the cause is plain. */
export function hintFor(beginning: string, isAfterComma: boolean): string {
  if (isAfterComma && /^[\]}]/.test(beginning)) return ': leave out the comma before it'
  return hints.find(([what]) => what.test(beginning))?.[1] ?? ''
}

/** What stands at a place, as a sentence shows it: one printable character of ASCII, or a byte. */
export function characterShown(latin1: string, at: number): string {
  const character = latin1.charAt(at)
  if (/^[!-~]$/.test(character)) return character
  return `the byte 0x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
