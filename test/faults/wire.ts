// As much of PostgreSQL's protocol 3.0 as a proxy needs: where messages begin and end, and what a few of them say.

/** One message: its type as a character, or `''` for what a client sends before its connection is set up. */
export interface Message {
  readonly type: string
  /** With type and length. */
  readonly bytes: Buffer
}

const LENGTH = 4

/** Takes a stream of bytes apart into messages. */
export class MessageReader {
  #chunks: Buffer[] = []
  #length = 0
  #typed: boolean

  /** @param typed - whether messages begin with a type from the start on; those of a new client do not */
  constructor(typed: boolean) {
    this.#typed = typed
  }

  /** From now on messages begin with a type: the startup message has come. */
  startUp(): void {
    this.#typed = true
  }

  *read(chunk: Buffer): Generator<Message> {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    for (;;) {
      const head = this.#typed ? 1 : 0
      if (this.#length < head + LENGTH) return
      if ((this.#chunks[0]?.length ?? 0) < head + LENGTH) this.#join()
      const size = head + this.#chunks[0]!.readInt32BE(head)
      if (this.#length < size) return
      const all = this.#join()
      const bytes = all.subarray(0, size)
      this.#chunks = size === all.length ? [] : [all.subarray(size)]
      this.#length -= size
      yield { type: head === 0 ? '' : String.fromCharCode(bytes[0]!), bytes }
    }
  }

  #join(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#chunks = [all]
    return all
  }
}

/** What a message before the connection is set up asks for. */
export function startupKind({ bytes }: Message): 'startup' | 'cancel' | 'encryption' {
  const code = bytes.readInt32BE(LENGTH)
  if (code === 80_877_102) return 'cancel'
  return code === 80_877_103 || code === 80_877_104 ? 'encryption' : 'startup'
}

/** The text of a statement, where a message brings one: a Query or a Parse. */
export function statementOf({ type, bytes }: Message): string | undefined {
  if (type === 'Q') return bytes.toString('utf8', 1 + LENGTH, bytes.length - 1)
  if (type !== 'P') return undefined
  const start = bytes.indexOf(0, 1 + LENGTH) + 1
  return bytes.toString('utf8', start, bytes.indexOf(0, start))
}

/** A Query. */
export function queryMessage(sql: string): Buffer {
  return message('Q', Buffer.from(`${sql}\0`))
}

/** An error after which the server ends the connection. */
export function fatalError(sqlstate: string): Buffer {
  const fields = ['SFATAL', 'VFATAL', `C${sqlstate}`, 'Mterminating connection as injected']
  return message('E', Buffer.from(`${fields.join('\0')}\0\0`))
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(1 + LENGTH)
  head.write(type, 'latin1')
  head.writeInt32BE(LENGTH + body.length, 1)
  return Buffer.concat([head, body])
}
