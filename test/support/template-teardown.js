export { teardown as default } from './template.js'
