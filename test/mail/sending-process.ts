// Sends letters until it is killed: the database's settings and the port of the mail server are its arguments.
import { openDatabase, type DatabaseSettings } from '../../src/db/database.ts'
import { postmanOf, quick } from './outbox.ts'

const [settings = '', port = ''] = process.argv.slice(2)
const database = await openDatabase(JSON.parse(settings) as DatabaseSettings)
postmanOf(database.knex, Number(port), { times: { ...quick, lease: 3_000 } }).start()
process.stdout.write('sending\n')
