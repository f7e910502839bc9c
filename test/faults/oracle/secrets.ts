const patterns: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a stack trace', /(?:(?:\n|\\n)\s+at [^\n]*?:\d+:\d+[^\n]*?){2}/],
  ['SQL', /\b(?:select\b.{1,400}\bfrom|insert\s+into|update\b.{1,80}\bset|delete\s+from)\s/is],
  ['a file of the service', /node_modules|\/src\/[\w/-]+\.ts/],
  ['a connection URL', /postgres(?:ql)?:\/\//i],
]

/** What a text for callers tells that is none of their business, or `undefined`. */
export function tellsTooMuch(text: string): string | undefined {
  return patterns.find(([, pattern]) => pattern.test(text))?.[0]
}

/** What a line of the log tells that does not belong there; one place in the code may stand in it. */
export function lineTellsTooMuch(line: string, secrets: readonly string[]): string | undefined {
  if (secrets.some((secret) => line.includes(secret))) return 'a secret'
  if (line.includes('@faults.example')) return 'what was uploaded'
  return patterns.find(([name, pattern]) => name !== 'a file of the service' && pattern.test(line))?.[0]
}
