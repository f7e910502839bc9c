import type { RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { openCsv, type CsvUpload } from '../csv/read-csv.ts'
import { ServiceError } from '../errors.ts'
import type { BatchSizes } from '../import/batches.ts'
import { runImport } from '../import/run-import.ts'
import { Spool } from '../import/spool.ts'
import { csvOptions, csvRows, csvRun, type CsvInstructions } from '../jobs/csv-run.ts'
import type { JobStore } from '../jobs/job.ts'
import type { Run } from '../jobs/run.ts'
import { LiveChunks } from '../receipts/follow.ts'
import type { AnswerForm, ImportPlace, ReceiptStore, ReceiptWriter } from '../receipts/receipt.ts'
import type { Addressees } from '../users/addressees.ts'
import { answerResult } from './answer-result.ts'
import { importingCaller, type CallerParts, type ImportingCaller } from './caller.ts'
import { goneSignal } from './gone.ts'
import { optionNames, readImportRequest, type ImportRequest } from './import-request.ts'
import { Incoming } from './incoming.ts'
import { letterAddress } from './letter-address.ts'
import { pathOf } from './query.ts'
import { replay } from './replay.ts'
import { accept, LatePayload, takeIn } from './take-in.ts'
import { bringsTokenInForm, openUpload, type Upload } from './upload.ts'

/** What the import route needs. */
export interface ImportRouteParts extends CallerParts {
  readonly receipts: ReceiptStore
  readonly jobs: JobStore
  /** Hears that a job waits for a worker. */
  readonly onJob: () => void
  readonly addressees: Addressees
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
    const payload = request.isAsync ? new LatePayload() : undefined
    const keeper = payload ?? (request.mode === 'each' ? undefined : await Spool.open())
    const incoming = new Incoming(upload.bytes, keeper)
    let isRunning = false
    try {
      const caller = early ?? (await importingCaller(req, parts, upload.accessToken))
      const recipient = request.isAsync
        ? await letterAddress({ ...caller, hasUser: true }, parts.addressees)
        : undefined
      const instructions = instructionsOf(caller, request, upload, parts)
      const csv = await openCsv(incoming.read(), csvOptions(instructions))
      const form = formOf(csv, request)
      const opened = await parts.receipts.open({
        organizationId: caller.organizationId,
        caller: caller.subject,
        callerEmail: caller.email,
        kind: 'users',
        mode: request.mode,
        fileName: upload.fileName,
        idempotencyKey: request.idempotencyKey,
        request: request.fingerprint,
        form,
        job:
          recipient === undefined
            ? undefined
            : { recipient, instructions: JSON.stringify(instructions), rowsTotal: undefined },
      })
      const { id } = opened.kind === 'known' ? opened.receipt : opened.writer
      res.set({ 'Import-Id': id, Location: `${pathOf(req)}/${id}` })
      if (opened.kind === 'known') {
        await payload?.close()
        await replay(res, parts.receipts, { receipt: opened.receipt, incoming, request, form })
        return
      }
      const place = { organizationId: caller.organizationId, id }
      if (payload !== undefined) {
        await takeIn({ ...parts, place, payload, incoming, rows: csv.rows, receipt: opened.writer })
        accept(res, request.mode)
        return
      }
      isRunning = true
      await importNew(res, {
        parts,
        place,
        request,
        instructions,
        incoming,
        csv,
        form,
        receipt: opened.writer,
      })
    } finally {
      if (!isRunning) await incoming.close()
    }
  }
}

/** A new import whose answer is streamed, from its request to its parts. */
interface StreamedImport {
  readonly parts: ImportRouteParts
  readonly place: ImportPlace
  readonly request: ImportRequest
  readonly instructions: CsvInstructions
  readonly incoming: Incoming
  readonly csv: CsvUpload
  readonly form: AnswerForm
  readonly receipt: ReceiptWriter
}

/** Runs an import, which goes on without the client if it has to, and answers the client as far as he is there. */
async function importNew(res: Response, all: StreamedImport): Promise<void> {
  const { parts, place, receipt, request } = all
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
    receipt: { kind: 'users', form: all.form, mode: request.mode, refused: receipt.isRefused },
    chunks: live.follow(),
    gone: goneSignal(res),
    wish: { type: request.answerType, onlyInvalid: request.answer.onlyInvalid },
  })
}

async function run(all: StreamedImport, live: LiveChunks): Promise<void> {
  const { parts, receipt, incoming } = all
  const failure = await runImport(csvRun(all.instructions, runOf(all)), {
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

function runOf({ parts, instructions, request, incoming, csv, form, receipt }: StreamedImport): Run {
  return {
    mode: request.mode,
    form,
    receipt,
    upload: {
      rows: csv.rows,
      again: () => csvRows(incoming.again(), csvOptions(instructions)),
      received: () => incoming.received(),
    },
    batches: parts.batches,
  }
}

function instructionsOf(
  { importer }: ImportingCaller,
  { reading, clearBlanks, columnMap, echoUnknown }: ImportRequest,
  { charset, inForm }: Upload,
  { maxUploadBytes, maxRows }: ImportRouteParts,
): CsvInstructions {
  const limits = { maxBytes: maxUploadBytes, maxRows }
  return {
    importer,
    reading: { ...reading, today: latestToday() },
    clearBlanks,
    csv: {
      columnMap: [...columnMap],
      echoUnknown,
      inForm,
      ...limits,
      ...(charset === undefined ? {} : { charset }),
    },
  }
}

function formOf({ header }: CsvUpload, { answer }: ImportRequest): AnswerForm {
  const { names, columns, delimiter, lineEnd, bom, charset } = header
  return { names, columns, delimiter, lineEnd, bom, charset, options: answer }
}

/** The latest date that it is anywhere on Earth: 14 hours ahead of UTC. */
function latestToday(): string {
  return new Date(Date.now() + 14 * 3_600_000).toISOString().slice(0, 10)
}
