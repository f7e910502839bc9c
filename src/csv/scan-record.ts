const QUOTE = 34
const LF = 10
const CR = 13

type Place = 'start' | 'plain' | 'quoted' | 'closed'

/** Why a scan stopped. */
export type Stop = 'line-end' | 'text-after-quote' | 'end-of-text'

/**
 * Finds the end of one record in text that may come in parts, none of which is looked at twice. Offsets in
 * its fields count from the start of the record.
 */
export class RecordScanner {
  /** Whether a value in quotes was seen. */
  quoted = false
  /** Whether a quote was seen inside a value without quotes (`5" pipe`), where it is an ordinary character. */
  literal = false
  /** Where the last quoted value begins. */
  quoteAt = -1
  /** Where the text after the closing quote of a value begins, at its first occurrence. */
  malformedAt = -1
  readonly #delimiter: number
  #place: Place = 'start'
  #base = 0

  constructor(delimiter: string) {
    this.#delimiter = delimiter.charCodeAt(0)
  }

  /** Whether the text so far ends within quotes. */
  get isOpen(): boolean {
    return this.#place === 'quoted'
  }

  /** Whether text followed a closing quote. Scanning may go on: what follows is taken as it stands. */
  get isMalformed(): boolean {
    return this.malformedAt !== -1
  }

  /** Begins the next record. */
  reset(): void {
    this.quoted = this.literal = false
    this.quoteAt = this.malformedAt = -1
    this.#place = 'start'
    this.#base = 0
  }

  /** Goes on in `text` at `from`; gives why and where it stopped. */
  scan(text: string, from = 0): { readonly stop: Stop; readonly at: number } {
    const delimiter = this.#delimiter
    let place = this.#place
    for (let at = from; at < text.length; at += 1) {
      if (place === 'quoted') {
        at = text.indexOf('"', at)
        if (at === -1) break
        place = 'closed'
        continue
      }
      const code = text.charCodeAt(at)
      if (code === delimiter) place = 'start'
      else if (code === LF || code === CR) return this.#stopped('line-end', place, at)
      else if (code === QUOTE) place = this.#quote(place, this.#base + at)
      else if (place !== 'closed') place = 'plain'
      else if (this.isMalformed) place = 'plain'
      else {
        this.malformedAt = this.#base + at
        return this.#stopped('text-after-quote', 'plain', at)
      }
    }
    this.#base += text.length
    return this.#stopped('end-of-text', place, text.length)
  }

  #quote(place: Place, at: number): Place {
    if (place === 'closed') return 'quoted'
    if (place === 'plain') {
      this.literal = true
      return 'plain'
    }
    this.quoted = true
    // of a malformed record the quote to blame is the one that was closed too early
    if (!this.isMalformed) this.quoteAt = at
    return 'quoted'
  }

  #stopped(stop: Stop, place: Place, at: number): { readonly stop: Stop; readonly at: number } {
    this.#place = place
    return { stop, at }
  }
}
