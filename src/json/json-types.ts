import type { Scalar } from './json-parser.ts'

/** What a value of JSON is, as a sentence says it. */
export function typeOf(value: Scalar): string {
  return value === null ? 'null' : `a ${typeof value}`
}
