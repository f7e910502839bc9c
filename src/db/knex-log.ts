const nothing = (): void => undefined

/** For knex: what it would print itself is thrown as well, and logged by whoever catches it. */
export const silent = { warn: nothing, error: nothing, deprecate: nothing, debug: nothing }
