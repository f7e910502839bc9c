import { randomUUID } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// What a reader who keeps up has not yet taken; all beyond it goes to a file.
const MEMORY_BYTES = 2 ** 20
const READ_BYTES = 256 * 2 ** 10

/**
 * Holds an answer between the import, which must never wait for its reader, and the reader, who may be as
 * slow as he likes. A client that sends its whole upload before it reads would otherwise wait for the
 * service while the service waits for it. What does not fit into memory goes to a temporary file that has no
 * name, so it is gone with the process however that ends.
 *
 * One writer and one reader. Whoever made it calls {@link close}.
 */
export class AnswerSpool {
  #memory: Buffer[] = []
  #memoryBytes = 0
  #file: FileHandle | undefined
  #fileStart = 0
  #fileEnd = 0
  #ended = false
  #failure: unknown
  #wake: () => void = () => undefined

  /** Adds text to the answer. */
  async write(text: string): Promise<void> {
    if (text === '') return
    const bytes = Buffer.from(text)
    if (this.#fileStart === this.#fileEnd && this.#memoryBytes + bytes.length <= MEMORY_BYTES) {
      this.#memory.push(bytes)
      this.#memoryBytes += bytes.length
    } else await this.#writeToFile(bytes)
    this.#wake()
  }

  async #writeToFile(bytes: Buffer): Promise<void> {
    this.#file ??= await openUnlinked()
    // All of it was read: no read is under way, and the room can be used again.
    if (this.#fileStart === this.#fileEnd) this.#fileStart = this.#fileEnd = 0
    let written = 0
    while (written < bytes.length) {
      const at = this.#fileEnd + written
      written += (await this.#file.write(bytes, written, bytes.length - written, at)).bytesWritten
    }
    this.#fileEnd += bytes.length
  }

  /** The answer is complete. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** The answer can't be completed: its reader gets what is there, and then the error. */
  fail(error: unknown): void {
    this.#failure = error
    this.end()
  }

  /** The answer from its beginning, as it grows. */
  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const bytes = this.#memory.shift()
      if (bytes !== undefined) {
        this.#memoryBytes -= bytes.length
        yield bytes
      } else if (this.#file !== undefined && this.#fileStart < this.#fileEnd)
        yield await this.#readFromFile(this.#file)
      else if (!this.#ended) await this.#change()
      else if (this.#failure !== undefined) throw this.#failure as Error
      else return
    }
  }

  async #readFromFile(file: FileHandle): Promise<Buffer> {
    const length = Math.min(READ_BYTES, this.#fileEnd - this.#fileStart)
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, this.#fileStart)
    this.#fileStart += bytesRead
    return buffer.subarray(0, bytesRead)
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  /** Gives the room back. */
  async close(): Promise<void> {
    await this.#file?.close()
  }
}

async function openUnlinked(): Promise<FileHandle> {
  const path = join(tmpdir(), `rollcall-answer-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}
