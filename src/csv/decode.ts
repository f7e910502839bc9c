import { isUtf8 } from 'node:buffer'
import { escapeOf, type Text } from './escapes.ts'

/** Decodes UTF-8 strictly, so that what is no UTF-8 can be found again in the cells. */
export function decode(block: Buffer): Text {
  if (isUtf8(block)) return { text: block.toString(), damaged: false }
  return escaping(
    block,
    (index) => sequenceLength(block, index),
    (start, end) => block.toString('utf8', start, end),
  )
}

/**
 * Decodes bytes some of which make no character.
 *
 * @param lengthAt - how many bytes the character at an index takes; 0 where there is none
 * @param textOf - the text of a part in which every byte belongs to a character
 */
export function escaping(
  bytes: Buffer,
  lengthAt: (index: number) => number,
  textOf: (start: number, end: number) => string,
): Text {
  let text = ''
  let start = 0
  for (let index = 0; index < bytes.length;) {
    const length = lengthAt(index)
    if (length === 0) {
      text += textOf(start, index) + escapeOf(bytes[index] ?? 0)
      start = index + 1
    }
    index += Math.max(length, 1)
  }
  return { text: text + textOf(start, bytes.length), damaged: true }
}

/** The bytes of the well-formed sequence at `index` (Unicode, table 3-7); 0 where there is none. */
function sequenceLength(bytes: Buffer, index: number): number {
  const lead = bytes[index] ?? 0
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  const second = bytes[index + 1] ?? 0
  if (second < low || second > high) return 0
  for (let at = index + 2; at < index + length; at += 1) {
    if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return 0
  }
  return length
}
