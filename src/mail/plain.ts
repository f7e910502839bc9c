// Marks, embeddings and isolates that turn the direction of what stands after them.
const turning = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

/**
 * Text from outside as one line that can do nothing but be read: no control characters, line breaks or turns of
 * direction, at most `most` characters, the last an ellipsis where it was cut.
 */
export function plain(text: string, most = 100): string {
  const line = text
    .replace(turning, '')
    .replace(/[\p{Cc}\p{Z}]+/gu, ' ')
    .trim()
  const characters = Array.from(line)
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : line
}

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
}

/** Text as it stands in HTML, in elements as in attributes. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

// RFC 5322 §2.1.1
const COLUMNS = 78

/**
 * Breaks a text into lines of at most 78 columns; a word that is longer is broken too.
 *
 * @param first - what the first line begins with; the others are indented by as much
 */
export function wrapped(text: string, first = ''): string {
  const width = COLUMNS - first.length
  const lines: string[] = []
  let line: string[] = []
  for (const word of text.split(' ')) {
    for (let letters = Array.from(word); ;) {
      const room = width - line.length - (line.length > 0 ? 1 : 0)
      if (letters.length <= room) {
        line.push(...(line.length > 0 ? [' '] : []), ...letters)
        break
      }
      if (line.length > 0) {
        lines.push(line.join(''))
        line = []
      } else {
        lines.push(letters.slice(0, width).join(''))
        letters = letters.slice(width)
      }
    }
  }
  return [...lines, line.join('')]
    .map((each, index) => (index === 0 ? first : indent(first)) + each)
    .join('\n')
}

const indent = (first: string): string => ' '.repeat(first.length)
