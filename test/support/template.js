import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Makes an embedded database once, of which each test file gets a copy: making one takes two seconds, and copying it a
 * tenth of one. What begins in an empty folder is tested by the commands and by `behaviour/starting`.
 */
export function setup() {
  if (process.env['TEST_DATABASE_URL']) return
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-template-'))
  const script = join(import.meta.dirname, 'make-template.ts')
  const made = spawnSync(process.execPath, ['--import', 'tsx', script, folder], { stdio: 'inherit' })
  if (made.status !== 0) throw new Error('The embedded database of the tests could not be made.')
  process.env['TEST_TEMPLATE'] = folder
}

export function teardown() {
  const folder = process.env['TEST_TEMPLATE']
  if (folder) rmSync(folder, { recursive: true, force: true })
}
