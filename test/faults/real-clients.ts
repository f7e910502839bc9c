import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { openAsBlob } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { importPath, type Target } from './client.ts'
import type { Answer } from './oracle/answer.ts'
import type { Upload } from './upload.ts'

const execute = promisify(execFile)

/** A file to send, and a folder for what comes. */
export interface Parcel {
  readonly upload: Upload
  readonly file: string
  readonly bytes: number
  readonly folder: string
  readonly key: string
}

/** A client as people have them. */
export interface RealClient {
  readonly name: string
  /** Whether it can be had here. */
  available(): Promise<boolean>
  /** Sends a file; gives what came. */
  send(target: Target, parcel: Parcel): Promise<Answer>
}

// Long enough for 100 MB on a busy machine.
const PATIENCE = 300_000

const runs = (program: string): Promise<boolean> =>
  execute(program, ['--version']).then(
    () => true,
    () => false,
  )

function headersOf(target: Target, { key }: Parcel): Record<string, string> {
  return {
    Authorization: `Bearer ${target.token}`,
    'Content-Type': 'text/csv',
    'Idempotency-Key': key,
  }
}

interface Outcome {
  readonly status: number
  readonly complete: boolean
  readonly headers: Answer['headers']
}

/** What a program has left in the folder, and how it ended. */
async function answerIn(folder: string, { status, complete, headers }: Outcome): Promise<Answer> {
  const body = await readFile(join(folder, 'answer')).catch(() => Buffer.alloc(0))
  return { status, headers, trailers: {}, body, ending: complete ? 'complete' : 'broken' }
}

const curl: RealClient = {
  name: 'curl',
  available: () => runs('curl'),
  send: async (target, parcel) => {
    const headers = Object.entries(headersOf(target, parcel)).flatMap(([name, value]) => [
      '-H',
      `${name}: ${value}`,
    ])
    const answer = join(parcel.folder, 'answer')
    const told = ['-w', '%{http_code} %{header_json}', '-o', answer]
    const body = ['--data-binary', `@${parcel.file}`, `${target.url}${importPath}`]
    const ran = execute('curl', ['-sS', ...told, ...headers, ...body], { timeout: PATIENCE })
    const { stdout, code } = await ran.then(
      (ended) => ({ stdout: ended.stdout, code: 0 }),
      (error: unknown) => error as { stdout: string; code: number },
    )
    const [status = '0', ...rest] = stdout.split(' ')
    const names = Object.entries(JSON.parse(rest.join(' ') || '{}') as Record<string, string[]>)
    const flat = Object.fromEntries(names.map(([name, values]) => [name, values[0]]))
    return answerIn(parcel.folder, { status: Number(status), complete: code === 0, headers: flat })
  },
}

// It sends everything before it reads anything.
const program = `
import http.client, json, sys, urllib.parse
url, file, answer, headers = sys.argv[1:5]
connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=300)
path = urllib.parse.urlsplit(url).path
connection.request('POST', path, body=open(file, 'rb').read(), headers=json.loads(headers))
response = connection.getresponse()
complete = True
with open(answer, 'wb') as out:
    try:
        while True:
            part = response.read(65536)
            if not part: break
            out.write(part)
    except (http.client.IncompleteRead, ConnectionError) as broken:
        out.write(getattr(broken, 'partial', b''))
        complete = False
headers = {name.lower(): value for name, value in response.getheaders()}
print(json.dumps({'status': response.status, 'complete': complete, 'headers': headers}))
`

const python: RealClient = {
  name: 'python http.client',
  available: () => runs('python3'),
  send: async (target, parcel) => {
    const answer = join(parcel.folder, 'answer')
    const headers = JSON.stringify(headersOf(target, parcel))
    const told = ['-c', program, `${target.url}${importPath}`, parcel.file, answer, headers]
    const { stdout } = await execute('python3', told, { timeout: PATIENCE })
    return answerIn(parcel.folder, JSON.parse(stdout) as Outcome)
  },
}

const nodeFetch: RealClient = {
  name: 'Node fetch',
  available: () => Promise.resolve(true),
  send: async (target, parcel) => {
    const response = await fetch(`${target.url}${importPath}`, {
      method: 'POST',
      headers: headersOf(target, parcel),
      body: await openAsBlob(parcel.file, { type: 'text/csv' }),
      signal: AbortSignal.timeout(PATIENCE),
    })
    const chunks: Uint8Array[] = []
    let ending: Answer['ending'] = 'complete'
    try {
      for await (const chunk of response.body ?? []) chunks.push(chunk as Uint8Array)
    } catch {
      ending = 'broken'
    }
    const headers = Object.fromEntries(response.headers)
    return { status: response.status, headers, trailers: {}, body: Buffer.concat(chunks), ending }
  },
}

/** Clients that read what they are answered, each in its way. */
export const realClients: readonly RealClient[] = [curl, python, nodeFetch]

/** Sends a whole file and never reads; the connection stays open until its caller destroys it. */
export async function sendAndNeverRead(target: Target, parcel: Parcel): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(target.url).port) })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const headers = { Host: 'localhost', ...headersOf(target, parcel), 'Content-Length': String(parcel.bytes) }
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`POST ${importPath} HTTP/1.1\r\n${head.join('')}\r\n`)
  for (const chunk of parcel.upload.chunks()) {
    if (!socket.write(chunk)) await once(socket, 'drain', { signal: AbortSignal.timeout(PATIENCE) })
  }
  return socket
}
