import { ServiceError } from '../errors.ts'

/** The imports that run in this process, so that they can be stopped and waited for. */
export class RunningImports {
  readonly #controllers = new Map<string, AbortController>()
  #wake: () => void = () => undefined

  /** Takes note of an import that begins. Its signal says that it has to stop, and why. */
  add(id: string): AbortController {
    const controller = new AbortController()
    this.#controllers.set(id, controller)
    return controller
  }

  /** It has ended. */
  remove(id: string): void {
    this.#controllers.delete(id)
    this.#wake()
  }

  get ids(): readonly string[] {
    return [...this.#controllers.keys()]
  }

  /** Stops an import after its batch, since somebody asked for it. */
  stop(id: string): void {
    this.#controllers.get(id)?.abort(stopped())
  }

  /** Stops all imports after their batches, since the service stops. */
  stopAll(): void {
    for (const controller of this.#controllers.values()) controller.abort(stopping())
  }

  /** Resolves when none runs any more, or after that many milliseconds. */
  async ended(within: number): Promise<void> {
    const end = Date.now() + within
    while (this.#controllers.size > 0 && Date.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - Date.now())
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

const stopped = (): ServiceError =>
  new ServiceError('import.stopped', 'The import was stopped: rows that were not answered are not imported.')

const stopping = (): ServiceError =>
  new ServiceError('service.stopping', 'The service is stopping: try again in a moment.', {
    headers: { 'Retry-After': '5' },
  })
