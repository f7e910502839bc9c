import { deepStrictEqual } from 'node:assert'
import { describe, expect, it } from '@jest/globals'
import { ServiceError } from '../../src/errors.ts'
import { DEPTH_LIMIT } from '../../src/json/json-parser.ts'
import { STRING_LIMIT } from '../../src/json/string-reader.ts'
import { parsed, parsedWithCuts, refusalOf } from './json-value.ts'

const bytes = (...parts: readonly (string | number)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(part))))

const mebibyte = 'x'.repeat(2 ** 20)

type Malformed = readonly [what: string, text: string | Buffer, says: string, at: string]

const malformed: readonly Malformed[] = [
  ['nothing', '', 'the body is empty', 'byte 1, line 1)'],
  ['white space only', ' \r\n\t\n', 'the body is empty', 'byte 6, line 3)'],
  ['a byte-order mark only', bytes(0xef, 0xbb, 0xbf), 'the body is empty', 'byte 4, line 1)'],
  ['an object that does not end', '{', 'ends where a name in double quotes or } must follow', 'byte 2'],
  [
    'an object that ends after a name',
    '{"a"',
    'ends where a colon must follow the name',
    'byte 5, line 1, in /a)',
  ],
  ['an object that ends after a colon', '{"a":', 'ends where a value must follow', 'byte 6, line 1, in /a)'],
  ['an object that ends after a value', '{"a":1', 'ends where a comma or the end', 'byte 7, line 1, in /a)'],
  [
    'an object that ends after a comma',
    '{"a":1,',
    'ends where a name in double quotes must',
    'byte 8, line 1)',
  ],
  ['an array that does not end', '[[1],\n[2', 'ends where a comma or the end', 'byte 9, line 2, in /1/0)'],
  ['a string that does not end', '{"a":"b', 'ends in the middle of a string', 'byte 8, line 1, in /a)'],
  ['a string that ends in an escape', '["\\', 'ends in the middle of a string', 'byte 4'],
  ['a string that ends in \\u', '["\\u00', 'ends in the middle of a string', 'byte 7'],
  ['a long string that does not end', `["${mebibyte}`, 'ends in the middle of a string', 'byte 1048579'],
  ['half a word', '[tru', 'ends in the middle of true', 'byte 5, line 1, in /0)'],
  [
    'an object closed as an array',
    '{"a":1]',
    'a comma or the end of the object or array must follow, but there is ]',
    'byte 7',
  ],
  ['an array closed as an object', '[1}', 'must follow, but there is }', 'byte 3, line 1, in /0)'],
  ['a comma before }', '{"a":1,}', 'but there is }: leave out the comma before it', 'byte 8, line 1)'],
  ['a comma before ]', '[1,\n]', 'but there is ]: leave out the comma before it', 'byte 5, line 2, in /1)'],
  ['two commas', '[1,,2]', 'a value must follow, but there is ,', 'byte 4'],
  ['a comma at the beginning', '[,1]', 'a value or ] must follow, but there is ,', 'byte 2'],
  ['no comma', '[1 2]', 'but there is 2', 'byte 4'],
  ['no colon', '{"a" 1}', 'a colon must follow the name, but there is 1', 'byte 6'],
  ['no value', '{"a":}', 'a value must follow, but there is } (', 'byte 6'],
  ['a name without quotes', '{a:1}', 'a name in double quotes or } must follow, but there is a', 'byte 2'],
  ['a number as a name', '{1:1}', 'but there is 1', 'byte 2'],
  ['single quotes', "{'a':1}", "but there is ': JSON has strings in double quotes only", 'byte 2'],
  ['a comment', '{ // ours\n}', 'but there is /: JSON has no comments', 'byte 3'],
  ['a comment at the beginning', '/* ours */{}', 'JSON has no comments', 'byte 1'],
  ['NaN', '[NaN]', 'but there is N: JSON has no NaN and no Infinity', 'byte 2'],
  ['Infinity', '[Infinity]', 'JSON has no NaN and no Infinity', 'byte 2'],
  ['-Infinity', '[-Infinity]', 'a number as JSON has none', 'byte 2'],
  ['True', '[True]', 'but there is T: JSON has true, false and null', 'byte 2'],
  ['undefined', '[undefined]', 'JSON has true, false and null', 'byte 2'],
  ['nul', '[nul]', 'a value or ] must follow, but there is n', 'byte 2'],
  ['truex', '[truex]', 'but there is x', 'byte 6'],
  ...['01', '-', '+1', '.5', '1.', '1.e1', '1e', '1e+', '0x10', '--1', '1n', '00'].map(
    (number): Malformed => [`the number ${number}`, `[${number}]`, '', 'byte 2, line 1, in /0)'],
  ),
  ['a number of 1,001 digits', `[${'1'.repeat(1_001)}]`, 'more than 1000 characters', 'byte 2'],
  ['a raw line break in a string', '["a\nb"]', 'write it as \\u000A', 'byte 4, line 1, in /0)'],
  ['a raw NUL in a string', '["a\0b"]', 'write it as \\u0000', 'byte 4'],
  ['a raw tab in a name', '{"\t":1}', 'write it as \\u0009', 'byte 3'],
  ['an unknown escape', '["a\\x41"]', 'must begin an escape of JSON', 'byte 4'],
  ['an escaped quote of JavaScript', '["\\\'"]', 'must begin an escape of JSON', 'byte 3'],
  ['\\u with three digits', '["\\u12"]', 'four hexadecimal digits', 'byte 3'],
  ['\\u with other letters', '["\\u12G4"]', 'four hexadecimal digits', 'byte 3'],
  ['a byte of Latin-1', bytes('["Jos', 0xe9, '"]'), 'the byte 0xE9 is no UTF-8', 'byte 6, line 1, in /0)'],
  ['a byte of Latin-1 in a name', bytes('{"Jos', 0xe9, '":1}'), 'the byte 0xE9 is no UTF-8', 'byte 6'],
  ['a cut character', bytes('["é', 0xe2, 0x82, '"]'), 'the byte 0xE2 is no UTF-8', 'byte 5'],
  ['an overlong NUL', bytes('["', 0xc0, 0x80, '"]'), 'the byte 0xC0 is no UTF-8', 'byte 3'],
  ['a surrogate in bytes', bytes('["', 0xed, 0xa0, 0x80, '"]'), 'the byte 0xED is no UTF-8', 'byte 3'],
  ['a character beyond Unicode', bytes('["', 0xf4, 0x90, 0x80, 0x80, '"]'), 'the byte 0xF4', 'byte 3'],
  ['bytes after half a MiB of a string', bytes(`["${mebibyte}`, 0xff, '"]'), 'the byte 0xFF', 'byte 1048579'],
  ['a raw line break after a MiB', `["${mebibyte}\n"]`, 'write it as \\u000A', 'byte 1048579'],
  ['an unknown escape after a MiB', `["${mebibyte}\\x"]`, 'an escape of JSON', 'byte 1048579'],
  ['a byte outside a string', bytes('[', 0xc3, ']'), 'but there is the byte 0xC3', 'byte 2'],
  ['a no-break space', '[\u00a01]', 'but there is the byte 0xC2', 'byte 2'],
  ['a second byte-order mark', '\ufeff\ufeff[]', 'but there is the byte 0xEF', 'byte 4'],
  ['UTF-16 with a mark', Buffer.from('\ufeff{}', 'utf16le'), 'looks like UTF-16', 'byte 1'],
  ['UTF-16 without a mark', Buffer.from('{}', 'utf16le'), 'looks like UTF-16', 'byte 1'],
  ['UTF-16, high byte first', Buffer.from('{}', 'utf16le').swap16(), 'looks like UTF-16', 'byte 1'],
  ['two documents', '{}{}', 'nothing must follow the end of the value, but there is {', 'byte 3, line 1)'],
  ['a document a line', '{}\n{}', 'nothing must follow', 'byte 4, line 2)'],
  ['something behind the end', '[]x', 'nothing must follow the end of the value, but there is x', 'byte 3'],
  ['a NUL behind the end', '[]\0', 'but there is the byte 0x00', 'byte 3'],
  ['CSV', 'email\nanna@example.com\n', 'a value must follow, but there is e', 'byte 1'],
  ['a form', 'id=1&x=2', 'a value must follow, but there is i', 'byte 1'],
  ['HTML', '<!doctype html>', 'but there is <', 'byte 1'],
  ['17 levels', '['.repeat(17), 'nested more than 16 deep', 'byte 17'],
  ['100,000 levels', '[{"a":'.repeat(50_000), 'nested more than 16 deep', 'byte 49'],
]

describe('a text that is no JSON', () => {
  it.each(malformed)('is refused with its place: %s', (_what, text, says, at) => {
    const error = refusalOf(text)
    expect(error).toBeInstanceOf(ServiceError)
    expect(error).toMatchObject({ code: 'json.malformed', status: 400 })
    expect(error.message).toContain(says)
    expect(error.message).toContain(`(${at}`)
    expect(error.message.length).toBeLessThan(300)
    expect(error.errors).toHaveLength(1)
  })

  it.each(malformed)('is refused in the same words however it is cut: %s', (_what, text) => {
    const { message } = refusalOf(text)
    const size = Buffer.byteLength(text)
    const cuts = size > 200_000 ? [[65_536], [70_001, 3]] : [[1], [2, 3], [7]]
    for (const sizes of cuts) expect(refusalOf(text, sizes).message).toBe(message)
  })

  it('has a pointer of RFC 6901 to where it breaks', () => {
    const pointerOf = (text: string): string | undefined => refusalOf(text).errors?.[0]?.pointer
    expect(pointerOf('{"a":[1,{"b/c~d":x}]}')).toBe('/a/1/b~1c~0d')
    expect(pointerOf('{"":[[],[?]]}')).toBe('//1/0')
    expect(pointerOf('{"a":1} x')).toBe('')
    expect(pointerOf(`{"${'k'.repeat(100)}":x}`)).toBe(`/${'k'.repeat(40)}…`)
  })
})

describe('a JSON text', () => {
  it.each([
    ['{}', {}],
    ['[]', []],
    [' \r\n\t[ ] \n', []],
    ['\ufeff{"a":1}', { a: 1 }],
    ['"alone"', 'alone'],
    ['0', 0],
    ['-0', -0],
    ['[1.0,1e3,1E+3,-1.5e-3,1e999,-1e999]', [1, 1000, 1000, -0.0015, Infinity, -Infinity]],
    ['true', true],
    ['null', null],
    ['["\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"]', ['"\\/\b\f\n\r\té😀']],
    ['["é😀\u2028\u007f"]', ['é😀\u2028\u007f']],
    ['["\\u0000","\\ud800","\\udc00x","\\ude00\\ud83d"]', ['\0', '\ud800', '\udc00x', '\ude00\ud83d']],
    ['{"":{"":""}}', { '': { '': '' } }],
    [
      `${'['.repeat(DEPTH_LIMIT)}${']'.repeat(DEPTH_LIMIT)}`,
      JSON.parse(`${'['.repeat(16)}${']'.repeat(16)}`),
    ],
    [`[${'1'.repeat(1_000)}]`, [Infinity]],
  ])('%s is read as it is meant', (text, value) => {
    for (const sizes of [[0], [1], [2], [3, 1]]) deepStrictEqual(parsed(text, sizes), value)
  })

  it('may have any name for a key, and changes no prototype by it', () => {
    const value = parsed('{"__proto__":{"polluted":1},"constructor":{"prototype":2}}') as object
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect('polluted' in {}).toBe(false)
  })

  it('may hold strings up to the limit as they are', () => {
    for (const string of ['x'.repeat(STRING_LIMIT), `é`.repeat(STRING_LIMIT / 2), '\\u0041'.repeat(10_922)]) {
      for (const sizes of [[0], [65_536], [30_001, 7]]) {
        const { value, cut } = parsedWithCuts(`["${string}",1]`, sizes)
        expect(cut).toEqual([])
        expect(JSON.stringify(value) === JSON.stringify(JSON.parse(`["${string}",1]`))).toBe(true)
      }
    }
  })

  it('keeps only the beginning of a longer string, whole characters of it', () => {
    for (const unit of ['x', 'é', '日', '😀', '\\n', '\\"', '\\\\', '\\u00e9', '\\ud83d\\ude00']) {
      const text = `{"before":1,"a":"${unit.repeat(50_001 + (10 * 65_536) / unit.length)}","b":[2]}`
      const sent = JSON.parse(text) as { a: string }
      for (const sizes of [[0], [65_536], [65_521, 13]]) {
        const { value, cut } = parsedWithCuts(text, sizes) as unknown as {
          value: { a: string }
          cut: readonly string[]
        }
        expect(Object.keys(value)).toEqual(['before', 'a', 'b'])
        expect(cut.length).toBe(1)
        expect(sent.a.startsWith(value.a)).toBe(true)
        expect(value.a.length * 6 >= STRING_LIMIT - 12).toBe(true)
        expect(Buffer.byteLength(value.a)).toBeLessThanOrEqual(STRING_LIMIT + 1)
        expect(value.a).not.toContain('\ufffd')
      }
    }
  })

  it('may have a name over the limit', () => {
    const { value } = parsedWithCuts(`{"${mebibyte}":{"a":1},"b":2}`, [65_536])
    expect(Object.keys(value as object).map((key) => key.length)).toEqual([STRING_LIMIT + 1, 1])
  })
})
