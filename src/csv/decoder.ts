import type { Text } from './escapes.ts'

/** Decodes an upload piece by piece, wherever it is cut. */
export interface Decoder {
  /** The text of the characters that end in `piece`. */
  write(piece: Buffer): Text
  /** The text of what is left at the end of the upload. */
  end(): Text
}

/** What iconv-lite gives for a byte that makes no character. */
export const REPLACEMENT = '\uFFFD'
