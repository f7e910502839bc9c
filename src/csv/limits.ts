/** The most that a cell may hold, in bytes of UTF-8. */
export const CELL_LIMIT = 64 * 1024
/** The most that a record may hold, in bytes of UTF-8. */
export const RECORD_LIMIT = 1024 * 1024
/** The most columns that an upload may have. */
export const COLUMN_LIMIT = 300

/** Whether a text takes more than `limit` bytes in UTF-8. A UTF-16 code unit takes at most three. */
export function isOver(limit: number, text: string): boolean {
  return text.length * 3 > limit && Buffer.byteLength(text) > limit
}

/** How many UTF-16 code units of a text its first `bytes` bytes of UTF-8 make. */
export function unitsWithin(bytes: number, text: string): number {
  return Buffer.from(text.slice(0, bytes)).toString('utf8', 0, bytes).length
}
