import { describe, expect, it } from '@jest/globals'
import { gzipSync } from 'node:zlib'
import iconv from 'iconv-lite'
import { bySize, read, refusal } from './reading.ts'

const bytes = (latin1: string): Uint8Array => Buffer.from(latin1, 'latin1')

describe('an upload that is no CSV', () => {
  it.each([
    ['<!DOCTYPE html><html>', 'an HTML page'],
    ['\n <html lang="en">\n', 'an HTML page'],
    ['\uFEFF<html>', 'an HTML page'],
    ['<?xml version="1.0"?>', 'XML or HTML'],
    [bytes('PK\x03\x04\x14\0\0\0whatever'), 'a ZIP archive'],
    [bytes('PK\x03\x04\x14\0\x06\0[Content_Types].xml'), 'an Excel workbook (.xlsx)'],
    [bytes('\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1'), 'an old Excel workbook (.xls)'],
    [bytes('%PDF-1.7\n'), 'a PDF document'],
    [bytes('\x89PNG\r\n\x1A\n'), 'a PNG image'],
    [bytes('\xFF\xD8\xFF\xE0'), 'a JPEG image'],
    [gzipSync('id\n1\n'), 'gzip'],
    ['{"id": 1}', 'JSON'],
    ['[\n  {"id": 1}\n]', 'JSON'],
    [bytes('\x7FELF\x02\x01\x01\0\0\0'), 'binary data'],
  ])('is refused with what was seen: %j', async (upload, what) => {
    const error = await refusal(upload)
    expect(error).toMatchObject({ code: 'csv.not_csv', status: 400 })
    expect(error.message).toContain(what)
  })

  it('is refused if it is UTF-16 of which nothing says so, with what to say', async () => {
    const upload = Buffer.from('id,email\n', 'utf16le')
    for (const charset of [undefined, 'utf-8', 'windows-1252']) {
      const options = charset === undefined ? {} : { charset }
      const error = await refusal(upload, options)
      expect(error).toMatchObject({ code: 'charset.unsupported', status: 415 })
      expect(error.message).toContain('UTF-16 without a byte-order mark')
      expect(error.message).toContain('Content-Type: text/csv; charset=utf-16le')
      expect((await refusal(Buffer.from(upload).swap16(), options)).message).toContain('charset=utf-16be')
      const inForm = await refusal(upload, { ...options, inForm: true })
      expect(inForm.message).toContain(
        'or send it without a form, as Content-Type: text/csv; charset=utf-16le.',
      )
    }
  })

  it('is told to come as gzip if it is that', async () => {
    const { message } = await refusal(gzipSync('id\n1\n'))
    expect(message).toContain('send it with Content-Encoding: gzip')
    expect(message).not.toContain('save it')
  })

  it('is refused in every charset', async () => {
    const html = iconv.encode('\n<html lang="en">\n', 'utf-16be', { addBOM: true })
    expect((await refusal(html)).message).toContain('an HTML page')
    for (const charset of ['utf-16le', 'windows-1252', 'shift_jis']) {
      for (const pieces of [[bytes('\x89PNG\r\n\x1A\n')], bySize(bytes('\x89PNG\r\n\x1A\n'), 1)]) {
        expect((await refusal(pieces, { charset })).message).toContain('a PNG image')
      }
      const json = iconv.encode('{"id": 1}', charset)
      expect((await refusal(json, { charset })).message).toContain('JSON')
    }
  })

  it('is refused if it is empty or begins with a blank line', async () => {
    for (const upload of ['', [], '\uFEFF', '\n', '\r\nid\n', ' \nid\n']) {
      expect(await refusal(upload)).toMatchObject({ code: 'csv.header' })
    }
  })

  it('is not seen in a NUL of a row', async () => {
    expect((await read('id,slug\n1,\0\n')).cells).toEqual([['1', '\0']])
  })
})
