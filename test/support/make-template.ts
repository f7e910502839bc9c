import { openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'

// Run by `template.js`: makes an embedded database, with its tables, in the folder that is its argument.
const database = await openDatabase({ kind: 'embedded', dataDir: process.argv[2] ?? '' })
await migrate(database.knex)
await database.close()
