import { ServiceError } from '../errors.ts'

/** The result of an import was deleted. */
export const erased = (): ServiceError =>
  new ServiceError(
    'import.erased',
    'The result of this import was deleted; its counts are still in its receipt.',
  )

/** There is no such import, or it is somebody else's: nobody is told which. */
export const unknownImport = (): ServiceError =>
  new ServiceError('import.unknown', 'There is no such import, or it is not yours.')
