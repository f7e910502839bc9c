import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startProcess, type ServiceProcess } from '../support/process.ts'
import { get, type Target } from './client.ts'
import { DatabaseView } from './database.ts'
import { startProxy, through, type DatabaseProxy } from './database-proxy.ts'
import { openThings, peakMemory } from './process-traces.ts'
import { lineTellsTooMuch } from './oracle/secrets.ts'
import { Complaints, type Complaint } from './oracle/complaint.ts'

// It stands in the connection URL; the server lets everybody on loopback in without asking.
const PASSWORD = 'not-for-anybody-7261'
const LEFT_MILLISECONDS = 5_000
// On a machine that has much else to do five seconds are over before anybody has had his turn.
const LEFT_LOOKS = 100
const READY_MILLISECONDS = 60_000

/** The service as a process of its own, and a proxy between it and a database of its own. */
export class Stand {
  readonly server: PostgresServer
  readonly proxy: DatabaseProxy
  readonly database: DatabaseView
  readonly #folder: string
  #service: ServiceProcess
  #target: Target = { url: '', token: '' }
  #read = 0

  private constructor(server: PostgresServer, proxy: DatabaseProxy, database: DatabaseView, folder: string) {
    this.server = server
    this.proxy = proxy
    this.database = database
    this.#folder = folder
    this.#service = this.#spawn()
  }

  /** Starts it on a server; the organizations are helping-hands (1) and other-org (2). */
  static async start(server: PostgresServer): Promise<Stand> {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-faults-'))
    await mkdir(join(folder, 'tmp'))
    const proxy = await startProxy(server.url)
    const stand = new Stand(server, proxy, new DatabaseView(server.url), folder)
    await stand.#ready()
    return stand
  }

  #spawn(): ServiceProcess {
    const url = new URL(through(this.proxy, this.server.url))
    url.password = PASSWORD
    this.#read = 0
    return startProcess({
      DATABASE_URL: url.href,
      DATA_DIR: join(this.#folder, 'data'),
      TMPDIR: join(this.#folder, 'tmp'),
      ORGANIZATIONS: 'helping-hands:1,other-org:2',
    })
  }

  async #ready(): Promise<void> {
    this.#target = { url: await this.#service.url(), token: await this.#service.token() }
  }

  get target(): Target {
    return this.#target
  }

  get service(): ServiceProcess {
    return this.#service
  }

  /** Ends the process, if it still runs, and starts it again at once; waits until it is ready. */
  async restartService(): Promise<void> {
    await this.#service.kill()
    this.#service = this.#spawn()
    await this.#ready()
  }

  /** Waits until the service says that it can work again. */
  async healthy(): Promise<void> {
    const end = Date.now() + READY_MILLISECONDS
    while ((await get(this.target, '/readyz', 10_000)).status !== 200) {
      if (Date.now() > end)
        throw new Error(`The service did not recover:\n${this.#service.stdout().slice(-2_000)}`)
      await setTimeout(50)
    }
  }

  /**
   * Checks P11: nothing of what went on is left after five seconds, and mostly much sooner.
   *
   * @param lost - a time of the database before which all connections of the service were lost
   */
  async leftovers(lost?: string): Promise<readonly Complaint[]> {
    const end = Date.now() + LEFT_MILLISECONDS
    for (let looks = 1; ; looks += 1) {
      const left = [...(await this.database.held(lost)), ...(await openThings(this.#traces()))]
      if (left.length === 0) return []
      if (looks > LEFT_LOOKS && Date.now() > end) {
        const complaints = new Complaints()
        for (const what of left) complaints.add('P11 nothing is left', what)
        return complaints.all
      }
      await setTimeout(25)
    }
  }

  #traces() {
    const pid = this.#service.child.pid ?? 0
    return { pid, temporary: join(this.#folder, 'tmp'), port: Number(new URL(this.#target.url).port) }
  }

  /** In MB, since the process was started. */
  peakMemory(): Promise<number | undefined> {
    return peakMemory(this.#traces().pid)
  }

  /** Checks P13 of what the process has logged since this was last asked. */
  checkLog(): readonly Complaint[] {
    const complaints = new Complaints()
    const all = this.#service.stdout()
    const end = all.lastIndexOf('\n') + 1
    const secrets = [PASSWORD, this.#target.token]
    for (const line of all.slice(this.#read, end).split('\n')) {
      if (line.startsWith('{')) {
        const told = lineTellsTooMuch(line, secrets)
        if (told !== undefined)
          complaints.add('P13 no secret', `the log tells ${told}: ${line.slice(0, 600)}`)
      }
    }
    this.#read = end
    const errors = this.#service.stderr()
    if (errors !== '') complaints.add('P13 no secret', `standard error says ${errors.slice(0, 400)}`)
    return complaints.all
  }

  async close(): Promise<void> {
    await this.#service.kill()
    await this.database.close()
    await this.proxy.close()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
