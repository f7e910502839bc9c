import type { Decoder } from './decoders.ts'
import type { Text } from './escapes.ts'

/** More than this without a line end travels on in pieces. */
const LONGEST_HELD = 256 * 1024
const PIECE = 64 * 1024

/**
 * Decodes bytes and cuts their text as `toBlocks` does those of UTF-8, which can be cut before they are decoded:
 * into pieces that end with a line end, as soon as one is there, and never within a character or between CR and LF.
 */
export async function* toTexts(bytes: AsyncIterable<Buffer>, decoder: Decoder): AsyncGenerator<Text> {
  const tail = new Tail()
  for await (const chunk of bytes) {
    for (let start = 0; start < chunk.length; start += PIECE) {
      const text = tail.add(decoder.write(chunk.subarray(start, start + PIECE)))
      if (text !== undefined) yield text
    }
  }
  const last = tail.add(decoder.end())
  if (last !== undefined) yield last
  const rest = tail.take()
  if (rest.text !== '') yield rest
}

/** The text after the last line end. */
class Tail {
  #text = ''
  // not looked up in the text: that would join its parts again with every byte that comes alone
  #endsWithReturn = false
  #damaged = false

  add({ text, damaged }: Text): Text | undefined {
    const before = this.#text.length
    const end = this.#lineEnd(text)
    this.#text += text
    if (text !== '') this.#endsWithReturn = text.endsWith('\r')
    this.#damaged ||= damaged
    if (end !== undefined) return this.take(before + end)
    if (this.#text.length < LONGEST_HELD) return undefined
    return this.take(this.#text.length - (this.#endsWithReturn ? 1 : 0))
  }

  /** The first `length` UTF-16 code units, all by default; what follows them stays. */
  take(length = this.#text.length): Text {
    const taken = { text: this.#text.slice(0, length), damaged: this.#damaged }
    this.#text = this.#text.slice(length)
    // what stays may be the damaged part
    if (this.#text === '') this.#damaged = false
    return taken
  }

  /** Where the last line of `text` ends. A CR counts only once it is seen that no LF follows. */
  #lineEnd(text: string): number | undefined {
    const carriageReturn = text.length < 2 ? -1 : text.lastIndexOf('\r', text.length - 2)
    const last = Math.max(text.lastIndexOf('\n'), carriageReturn)
    if (last >= 0) return last + 1
    return text !== '' && this.#endsWithReturn ? 0 : undefined
  }
}
