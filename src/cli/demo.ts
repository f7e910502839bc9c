import { spawn, execFile, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

// Shows the import to a newcomer: a server of its own on an embedded database in a temporary folder, three
// files over real HTTP, and each answer as it comes back. Everything that it starts it ends.

const root = join(import.meta.dirname, '../..')
const files = {
  'users-valid.csv': 'Four people, and all of them are good: blank cells come back filled.',
  'users-invalid.csv':
    'Five rows that can not be imported as they stand: each says everything that is wrong with it.',
  'mixed.csv':
    'Another delimiter, headers as people write them, an empty row, somebody twice: every row answers.',
}
const path = '/api/import/organization/users'

const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-demo-'))
// Nothing of the settings around it: only what a process needs to run.
const kept = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'SystemRoot', 'LANG'].flatMap((name) => {
  const value = process.env[name]
  return value === undefined ? [] : [[name, value] as const]
})
const env = { ...Object.fromEntries(kept), DATA_DIR: dataDir, PORT: '0' }

say('Starting Rollcall on an embedded PostgreSQL in a temporary folder …')
const server = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
  cwd: root,
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const url = await whenReady(server)
  const token = await newToken()
  for (const [file, what] of Object.entries(files)) await post(url, token, file, what)
  say('Keep a server running, with a token and a curl line to paste:\n\n  npm start\n')
} finally {
  server.kill('SIGTERM')
  if (server.exitCode === null) await once(server, 'exit')
  await rm(dataDir, { recursive: true, force: true })
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Reads the server's log until it is ready, and goes on reading so that the server never waits. */
async function whenReady({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('The server has no output.')
  const lines = createInterface({ input: stdout })
  let url = ''
  for await (const line of lines) {
    const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string; url?: string }) : {}
    if (entry.msg === 'listening') url = entry.url ?? ''
    if (entry.msg === 'ready') break
  }
  if (url === '') throw new Error('The server did not start.')
  stdout.resume()
  return url
}

async function newToken(): Promise<string> {
  const args = [
    '--import',
    'tsx',
    'src/cli/token.ts',
    '--organization',
    'helping-hands',
    '--role',
    'organization_owner',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env })
  return stdout.trim()
}

async function post(url: string, token: string, file: string, what: string): Promise<void> {
  const upload = await readFile(join(root, 'fixtures/csv', file))
  say(`
${what}

$ curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: text/csv' \\
       --data-binary @fixtures/csv/${file} ${url}${path}
`)
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv' },
    body: upload,
  })
  if (answer.status !== 200) throw new Error(`${file} was answered ${answer.status}: ${await answer.text()}`)
  say(await answer.text())
}
