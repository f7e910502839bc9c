import { ServiceError } from '../errors.ts'

/** The imports that run in this process, so that they can be stopped and waited for. */
export class RunningImports {
  readonly #controllers = new Map<string, AbortController>()
  readonly #sealed = new Set<string>()
  #wake: () => void = () => undefined

  /** Takes note of an import that begins. The signal says that it has to stop, and why. */
  add(id: string): AbortSignal {
    const controller = new AbortController()
    this.#controllers.set(id, controller)
    return controller.signal
  }

  /** From now on it can't be stopped: it is being committed. */
  seal(id: string): void {
    this.#sealed.add(id)
  }

  /** It can be stopped again: it was not committed. */
  unseal(id: string): void {
    this.#sealed.delete(id)
  }

  /** It has ended. */
  remove(id: string): void {
    this.#controllers.delete(id)
    this.#sealed.delete(id)
    this.#wake()
  }

  get ids(): readonly string[] {
    return [...this.#controllers.keys()]
  }

  /** Stops an import after its batch. @param reason - why; by default, because somebody asked for it */
  stop(id: string, reason: ServiceError = stopped()): void {
    if (!this.#sealed.has(id)) this.#controllers.get(id)?.abort(reason)
  }

  /** Stops all imports after their batches, since the service stops. */
  stopAll(): void {
    for (const id of this.ids) this.stop(id, stopping())
  }

  /** Resolves when none runs any more, or after that many milliseconds. */
  async ended(within: number): Promise<void> {
    const end = performance.now() + within
    while (this.#controllers.size > 0 && performance.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - performance.now())
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

/** That somebody asked for the end of an import. */
export const stopped = (): ServiceError =>
  new ServiceError(
    'import.stopped',
    'Somebody stopped the import: DELETE was sent for it. Its receipt says how far it had come.',
  )

/** That a job has had its turn, while another organization waits for a worker. */
export const turnOver = (): ServiceError =>
  new ServiceError('turn.over', 'Others wait for a worker: the import goes on when it is its turn again.')

/** That the service stops. */
export const stopping = (): ServiceError =>
  new ServiceError('service.stopping', 'The service is stopping: try again in a moment.', {
    headers: { 'Retry-After': '5' },
  })
