import type { RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { keptAsCsv } from '../csv/keep-answer.ts'
import { openCsv, type CsvOptions, type CsvUpload } from '../csv/read-csv.ts'
import { ServiceError } from '../errors.ts'
import type { BatchSizes } from '../import/batches.ts'
import { createJudge } from '../import/judge.ts'
import { meaningOfRows } from '../import/meaning.ts'
import { runImport } from '../import/run-import.ts'
import type { RunParts } from '../import/run-parts.ts'
import { LiveChunks } from '../receipts/follow.ts'
import type { AnswerForm, ReceiptStore, ReceiptWriter } from '../receipts/receipt.ts'
import { answerResult } from './answer-result.ts'
import { importingCaller, type CallerParts, type ImportingCaller } from './caller.ts'
import { goneSignal } from './gone.ts'
import { optionNames, readImportRequest, type ImportRequest } from './import-request.ts'
import { Incoming } from './incoming.ts'
import { pathOf } from './query.ts'
import { replay } from './replay.ts'
import { bringsTokenInForm, openUpload, type Upload } from './upload.ts'

/** What the import route needs. */
export interface ImportRouteParts extends CallerParts {
  readonly receipts: ReceiptStore
  readonly maxUploadBytes: number
  readonly maxRows: number
  readonly batches: BatchSizes
  readonly log: Logger
}

/** `POST /api/import/organization/users`: an upload in, the same rows out, each with what became of it. */
export function importUsers(parts: ImportRouteParts): RequestHandler {
  return async (req, res) => {
    // Whoever shows his token in the header is told before his upload is looked at.
    const early = bringsTokenInForm(req) ? undefined : await importingCaller(req, parts)
    const request = readImportRequest(req)
    const upload = await openUpload(req, { maxBytes: parts.maxUploadBytes, optionNames })
    const incoming = await Incoming.open(upload.bytes, request.mode !== 'each')
    let isRunning = false
    try {
      const caller = early ?? (await importingCaller(req, parts, upload.accessToken))
      const options = csvOptions(request, upload, parts)
      const csv = await openCsv(incoming.read(), options)
      const form = formOf(csv, request)
      const opened = await parts.receipts.open({
        organizationId: caller.organizationId,
        caller: caller.subject,
        callerEmail: caller.email,
        mode: request.mode,
        fileName: upload.fileName,
        idempotencyKey: request.idempotencyKey,
        request: request.fingerprint,
        form,
      })
      const { id } = opened.kind === 'known' ? opened.receipt : opened.writer
      res.set({ 'Import-Id': id, Location: `${pathOf(req)}/${id}` })
      if (opened.kind === 'known') {
        await replay(res, parts.receipts, { receipt: opened.receipt, incoming, request, form })
        return
      }
      isRunning = true
      await importNew(res, { parts, caller, request, incoming, options, csv, form, receipt: opened.writer })
    } finally {
      if (!isRunning) await incoming.close()
    }
  }
}

/** A new import, from its request to its parts. */
interface NewImport {
  readonly parts: ImportRouteParts
  readonly caller: ImportingCaller
  readonly request: ImportRequest
  readonly incoming: Incoming
  readonly options: CsvOptions
  readonly csv: CsvUpload
  readonly form: AnswerForm
  readonly receipt: ReceiptWriter
}

/** Runs an import, which goes on without the client if it has to, and answers the client as far as he is there. */
async function importNew(res: Response, all: NewImport): Promise<void> {
  const { parts, caller, receipt, request } = all
  const place = { organizationId: caller.organizationId, id: receipt.id }
  const live = new LiveChunks((from) => parts.receipts.chunks(place, from))
  receipt.signal.addEventListener('abort', () => {
    live.fail(receipt.signal.reason)
  })
  all.incoming.stopOn(receipt.signal)
  run(all, live).catch((error: unknown) => {
    parts.log.error({ err: error, import: receipt.id }, 'an import has ended badly')
    live.fail(error)
  })
  await live.begun()
  await answerResult(res, {
    receipt: { form: all.form, mode: request.mode, refused: receipt.isRefused },
    chunks: live.follow(),
    gone: goneSignal(res),
    wish: { type: request.answerType, onlyInvalid: request.answer.onlyInvalid },
  })
}

async function run(all: NewImport, live: LiveChunks): Promise<void> {
  const { parts, receipt, incoming } = all
  const failure = await runImport(runParts(all), {
    stored: (chunk) => {
      live.add(chunk)
    },
    finished: () => {
      live.end()
    },
    failed: (error) => {
      if (!(error instanceof ServiceError))
        parts.log.error({ err: error, import: receipt.id }, 'import failed')
      live.fail(error)
    },
  })
  if (failure !== undefined) {
    parts.log.error({ err: failure, import: receipt.id }, 'the end of an import could not be written')
  }
  await incoming.close()
}

function runParts({ parts, caller, request, incoming, options, csv, form, receipt }: NewImport): RunParts {
  return {
    mode: request.mode,
    receipt,
    upload: {
      rows: csv.rows,
      again: () => readAgain(incoming, options),
      received: () => incoming.received(),
    },
    ...keptAsCsv(form),
    judge: createJudge(csv.header.columns, {
      reading: { ...request.reading, today: latestToday() },
      clearBlanks: request.clearBlanks,
      role: caller.importer.role,
    }),
    meaning: meaningOfRows,
    batches: parts.batches,
    importer: caller.importer,
  }
}

async function* readAgain(incoming: Incoming, options: CsvOptions): CsvUpload['rows'] {
  yield* (await openCsv(incoming.again(), options)).rows
}

function csvOptions(
  request: ImportRequest,
  { charset, inForm }: Upload,
  parts: ImportRouteParts,
): CsvOptions {
  const { columnMap, echoUnknown } = request
  const limits = { maxBytes: parts.maxUploadBytes, maxRows: parts.maxRows }
  return { columnMap, echoUnknown, inForm, ...limits, ...(charset === undefined ? {} : { charset }) }
}

function formOf({ header }: CsvUpload, { answer }: ImportRequest): AnswerForm {
  const { names, columns, delimiter, lineEnd, bom, charset } = header
  return { names, columns, delimiter, lineEnd, bom, charset, options: answer }
}

/** The latest date that it is anywhere on Earth: 14 hours ahead of UTC. */
function latestToday(): string {
  return new Date(Date.now() + 14 * 3_600_000).toISOString().slice(0, 10)
}
