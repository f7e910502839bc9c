import { describe, expect, it } from '@jest/globals'
import { fileNameOf, label } from '../../src/http/file-name.ts'

const bytes = (text: string): string => Buffer.from(text).toString('latin1')

describe('the name of a file', () => {
  it.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['attachment', undefined],
    ['attachment; filename=""', undefined],
    ['attachment; filename="///"', undefined],
    ['attachment; filename=users.csv', 'users.csv'],
    ['attachment; filename="users; all.csv"', 'users; all.csv'],
    [String.raw`attachment; filename="a \"b\".csv"`, 'a "b".csv'],
    ['form-data; name=x; FileName = "users.csv"', 'users.csv'],
    [bytes('attachment; filename="größe.csv"'), 'größe.csv'],
    ['attachment; filename="gr\u00F6\u00DFe.csv"', 'größe.csv'],
    ["attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe.csv", 'größe.csv'],
    ["attachment; filename=x.csv; filename*=utf-8'de'%E2%82%AC.csv", '€.csv'],
    ["attachment; filename*=iso-8859-1''gr%F6%DFe.csv", 'größe.csv'],
    ['attachment; filename*=nonsense; filename=users.csv', 'users.csv'],
    ["attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", 'passwd'],
    [String.raw`attachment; filename="C:\\Users\\anna\\users.csv"`, 'users.csv'],
    [`attachment; filename="${'; filename="'.repeat(3)}`, '; filename='],
  ])('of %j is %j', (header, name) => {
    expect(fileNameOf(header)).toBe(name)
  })

  it('holds no control characters, no overrides and no line breaks', () => {
    expect(label('a\u0000b\r\nc\u202Ed\u2066e\u2028f\u007F.csv')).toBe('abcdef.csv')
  })

  it('has up to 255 characters, none of them halved', () => {
    expect(label('x'.repeat(300))).toBe('x'.repeat(255))
    expect(label('😀'.repeat(300))).toBe('😀'.repeat(255))
  })
})
