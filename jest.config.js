import { createDefaultEsmPreset } from 'ts-jest'

export default {
  ...createDefaultEsmPreset({ diagnostics: false }),
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  injectGlobals: false,
  globalSetup: '<rootDir>/test/support/template-setup.js',
  globalTeardown: '<rootDir>/test/support/template-teardown.js',
  // an embedded database takes 0.3 to 0.9 GB
  maxWorkers: 3,
  // far more than any of them takes: it only ends what hangs
  testTimeout: 180_000,
}
