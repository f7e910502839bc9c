import { parse } from 'content-type'

const LONGEST = 255

/**
 * The name that a `Content-Disposition` gives a file (RFC 6266), `filename*` before `filename`. It is a label for
 * people and never a path.
 *
 * @returns undefined where there is none
 */
export function fileNameOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const { parameters } = parse(header)
  return label(extended(parameters['filename*']) ?? parameters['filename'] ?? '')
}

/**
 * What people may be shown of a name that a client gave: without folders, control characters and overrides of the
 * direction of writing, up to 255 characters.
 *
 * @param name - as HTTP has it, a character for each byte, or decoded already
 * @returns undefined where nothing is left
 */
export function label(name: string): string | undefined {
  const base = decoded(name).split(/[/\\]/).at(-1) ?? ''
  const shown = base.replace(/[\p{Cc}\p{Cs}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu, '').trim()
  return Array.from(shown).slice(0, LONGEST).join('') || undefined
}

/** Bytes are UTF-8 as everybody sends it, else the ISO-8859-1 of the old standards. */
function decoded(name: string): string {
  if (/[^\0-\xFF]/.test(name)) return name
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(name, 'latin1'))
  } catch {
    return name
  }
}

/** A value of RFC 8187, `UTF-8''na%C3%AFve.csv`, back as bytes. */
function extended(value: string | undefined): string | undefined {
  const encoded = /^(?:utf-8|iso-8859-1)'[^']*'(.*)$/i.exec(value ?? '')?.[1]
  return encoded?.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}
