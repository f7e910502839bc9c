/** A Markdown table; the columns from `left` on are numbers. */
export function markdownTable(
  header: readonly string[],
  lines: readonly (readonly string[])[],
  left: number,
): string {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...lines.map((line) => line[column]!.length)),
  )
  const pad = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column < left ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column < left ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [pad(header), rule, ...lines.map(pad)].join('\n')
}

/** The middle one, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A whole number as people write it. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US')

/** The median, and where there were several the slowest and the fastest. */
export function rateOf(rates: readonly number[]): string {
  const range = rates.length === 1 ? '' : ` (${count(Math.min(...rates))}–${count(Math.max(...rates))})`
  return count(median(rates)) + range
}

/** How many questions had no answer, where there are any. */
export function failures(health: readonly { readonly failed: number }[]): string {
  const failed = health.reduce((sum, each) => sum + each.failed, 0)
  return failed === 0 ? '' : ` (${failed} failed)`
}
