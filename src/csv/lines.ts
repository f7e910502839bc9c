const LF = 10
const CR = 13

/**
 * Where the line end begins that is the first at or after `from`; -1 where there is none. A loop: two calls of
 * `indexOf` would each time look through a whole text that has only one of the two characters.
 */
export function lineEndAt(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === LF || code === CR) return at
  }
  return -1
}

/** Where the text after the line end at `at` begins. */
export function afterLineEnd(text: string, at: number): number {
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF ? at + 2 : at + 1
}

/** Where the last line that ends before `before` ends; 0 where none does. */
export function lastLineEnd(text: string, before = text.length): number {
  if (before === 0) return 0
  return Math.max(text.lastIndexOf('\n', before - 1), text.lastIndexOf('\r', before - 1)) + 1
}

/** How many line ends a text has; CR LF is one. */
export function lineEndsIn(text: string): number {
  let count = 0
  for (let at = lineEndAt(text, 0); at !== -1; at = lineEndAt(text, afterLineEnd(text, at))) count += 1
  return count
}

/** The lines of a text, without what ends them. The end of the last line begins no other. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return text.includes('\r') ? lines.flatMap(splitAtReturns) : lines
}

function splitAtReturns(line: string): string | string[] {
  const end = line.endsWith('\r') ? line.slice(0, -1) : line
  return end.includes('\r') ? end.split('\r') : end
}
