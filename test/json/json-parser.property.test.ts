import { deepStrictEqual } from 'node:assert'
import { describe, it } from '@jest/globals'
import fc from 'fast-check'
import { parsed } from './json-value.ts'

const seed = 20261122
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 })

// Names that mean something to JavaScript, halves of surrogate pairs, and whatever must be escaped.
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom(
      '\ud800',
      '\udfff',
      '"',
      '\\',
      '\0',
      '\n',
      '/',
      'é',
      '日',
      '😀',
      '\u2028',
      '\ufeff',
      'u',
      '0',
    ),
    maxLength: 8,
  }),
  fc.constantFrom('', '__proto__', 'constructor', 'toString', 'a'),
)
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom('-0', '0.0', '1E5', '1e+05', '-1.50e-3', '1e999', '-1e999', '9007199254740993', '0e0'),
)

/** A JSON text in tokens: how each string is written, and the white space around, is drawn. */
const { tokens } = fc.letrec<{ tokens: string[]; array: string[]; object: string[]; scalar: string[] }>(
  (tie) => ({
    tokens: fc.oneof({ maxDepth: 6, withCrossShrink: true }, tie('scalar'), tie('array'), tie('object')),
    scalar: fc.oneof(written(), number, fc.constantFrom('true', 'false', 'null')).map((token) => [token]),
    array: fc.array(tie('tokens'), { maxLength: 4 }).map((values) => ['[', ...joined(values), ']']),
    object: fc
      .array(fc.tuple(written(), tie('tokens')), { maxLength: 4 })
      .map((entries) => ['{', ...joined(entries.map(([key, value]) => [key, ':', ...value])), '}']),
  }),
)

/** A string, each of its characters as it is or as one of its escapes. */
function written(): fc.Arbitrary<string> {
  return fc.tuple(text, fc.array(fc.nat(3), { minLength: 1, maxLength: 7 })).map(([value, ways]) => {
    const units = Array.from(value, (character, index) => {
      const raw = JSON.stringify(character).slice(1, -1)
      const way = ways[index % ways.length]
      if (way === 1) return unitsOf(character).map(escaped).join('')
      if (way === 2) return unitsOf(character).map(escaped).join('').toUpperCase().replace(/\\U/g, '\\u')
      return way === 3 && character === '/' ? '\\/' : raw
    })
    return `"${units.join('')}"`
  })
}

const unitsOf = (character: string): number[] =>
  Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
const escaped = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`

const joined = (values: readonly (readonly string[])[]): string[] =>
  values.flatMap((value, index) => (index === 0 ? value : [',', ...value]))

const space = fc.constantFrom('', '', ' ', '\n', '\r\n', '\t  ')
const json = fc
  .tuple(tokens, fc.array(space, { minLength: 1, maxLength: 9 }), fc.constantFrom('', '', '', '\ufeff'))
  .map(([all, spaces, mark]) => {
    const spaced = all.map((token, index) => `${spaces[index % spaces.length] ?? ''}${token}`)
    return `${mark}${spaced.join('')}${spaces[0] ?? ''}`
  })

/** What JSON.parse makes of bytes that must be UTF-8. */
function reference(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown }
  } catch {
    return undefined
  }
}

function ours(bytes: Buffer, sizes: readonly number[]): { value: unknown } | undefined {
  try {
    return { value: parsed(bytes, sizes) }
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'json.malformed') throw error
    return undefined
  }
}

const bytesOfInterest = Array.from('{}[]:,"\\u0-+.eEtfn \n\0x/', (character) =>
  Buffer.from(character),
).concat([0x80, 0xbf, 0xc2, 0xe2, 0xed, 0xf0, 0xff, 0x1f, 0x7f].map((byte) => Buffer.of(byte)))
const mutation = fc.tuple(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.nat(3),
  fc.constantFrom(...bytesOfInterest),
)

function mutated(bytes: Buffer, [where, removed, added]: readonly [number, number, Buffer]): Buffer {
  const at = Math.floor(where * bytes.length)
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)])
}

describe('the parser', () => {
  it('reads what JSON.parse reads, however it is written and cut', () => {
    fc.assert(
      fc.property(json, sizes, (sent, cuts) => {
        const bytes = Buffer.from(sent)
        const expected = reference(bytes)
        deepStrictEqual(ours(bytes, cuts), expected)
        deepStrictEqual(ours(bytes, [0]), expected)
      }),
      { numRuns: 3_000, seed },
    )
  })

  it('refuses what JSON.parse refuses of mutated texts, and reads the others', () => {
    fc.assert(
      fc.property(
        json,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        sizes,
        (sent, mutations, cuts) => {
          const bytes = mutations.reduce(mutated, Buffer.from(sent))
          deepStrictEqual(ours(bytes, cuts), reference(bytes))
        },
      ),
      { numRuns: 10_000, seed },
    )
  })

  it('refuses every text that is cut before its end, unless the rest means nothing', () => {
    fc.assert(
      fc.property(json, sizes, (sent, cuts) => {
        const bytes = Buffer.from(sent)
        for (let end = 0; end < bytes.length; end += 1) {
          const part = bytes.subarray(0, end)
          deepStrictEqual(ours(part, cuts), reference(part))
        }
      }),
      { numRuns: 150, seed },
    )
  })
})
