export { setup as default } from './template.js'
