import type { RequestHandler, Response } from 'express'
import { setImmediate } from 'node:timers/promises'
import { openCsv, type CsvUpload } from '../csv/read-csv.ts'
import { createCsvWriter } from '../csv/write-csv.ts'
import { answering, type AnswerWriter } from '../import/answer.ts'
import type { BatchSizes } from '../import/batches.ts'
import { importRows } from '../import/import-rows.ts'
import { createNdjsonWriter } from '../json/write-ndjson.ts'
import type { UserDirectory } from '../users/user-directory.ts'
import { importingCaller, type CallerParts } from './caller.ts'
import { queryNames, readImportRequest, type ImportRequest } from './import-request.ts'
import { streamAnswer } from './stream-answer.ts'
import { bringsTokenInForm, openUpload } from './upload.ts'

/** What the import route needs. */
export interface ImportRouteParts extends CallerParts {
  readonly users: UserDirectory
  readonly maxUploadBytes: number
  readonly maxRows: number
  readonly batches: BatchSizes
}

/** `POST /api/import/organization/users`: an upload in, the same rows out, each with what became of it. */
export function importUsers(parts: ImportRouteParts): RequestHandler {
  return async (req, res) => {
    const known = bringsTokenInForm(req) ? undefined : await importingCaller(req, parts)
    const request = readImportRequest(req)
    const { bytes, accessToken } = await openUpload(req, {
      maxBytes: parts.maxUploadBytes,
      optionNames: queryNames,
    })
    const { organizationId, importer } = known ?? (await importingCaller(req, parts, accessToken))
    const upload = await openCsv(bytes, {
      columnMap: request.columnMap,
      echoUnknown: request.echoUnknown,
      maxBytes: parts.maxUploadBytes,
      maxRows: parts.maxRows,
    })
    const annotated = importRows(upload.rows, {
      layout: upload.header.columns,
      judging: {
        reading: { ...request.reading, today: latestToday() },
        clearBlanks: request.clearBlanks,
        role: importer.role,
      },
      batches: parts.batches,
      organizationId,
      importer,
      users: parts.users,
    })
    const writer = writerFor(request, upload)
    await streamAnswer(res, texts(annotated, answering(upload.header.columns, request.answer), writer), {
      begin: () => {
        begin(res, upload, writer)
      },
      head: writer.head(),
    })
  }
}

/** The latest date that it is anywhere on Earth: 14 hours ahead of UTC. */
function latestToday(): string {
  return new Date(Date.now() + 14 * 3_600_000).toISOString().slice(0, 10)
}

function writerFor({ answerType, answer }: ImportRequest, { header }: CsvUpload): AnswerWriter {
  return answerType === 'text/csv' ? createCsvWriter(header, answer) : createNdjsonWriter(header, answer)
}

// Rows that are rendered in one go, less than half a millisecond. In between the event loop turns, so that the
// batch that is being saved gets its next statement.
const SLICE = 100

async function* texts(
  annotated: ReturnType<typeof importRows>,
  answered: ReturnType<typeof answering>,
  writer: AnswerWriter,
): AsyncGenerator<string> {
  for await (const rows of annotated) {
    for (let start = 0; start < rows.length; start += SLICE) {
      yield writer.rows(answered(rows.slice(start, start + SLICE)))
      await setImmediate()
    }
  }
}

const delimiterNames = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'pipe' } as const

function begin(res: Response, { header }: CsvUpload, { mediaType }: AnswerWriter): void {
  const file = mediaType.startsWith('text/csv') ? 'users.result.csv' : 'users.result.ndjson'
  res.writeHead(200, {
    'Content-Type': mediaType,
    'Content-Disposition': `attachment; filename="${file}"`,
    'Cache-Control': 'no-store',
    'Import-Charset': 'utf-8',
    'Import-Delimiter': delimiterNames[header.delimiter],
  })
}
