const project = (name) => ({
  displayName: name,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/scripts/no-undici/package.json'],
  transform: { '^.+\\.ts$': '<rootDir>/scripts/jest-transform.mjs' },
  testMatch: [`<rootDir>/__tests__/${name}/**/*.test.ts`],
})

export default {
  // The system's temporary folder is another one in each run (scripts/jest.sh).
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  projects: [project('unit'), project('e2e')],
  // Ends what hangs; a busy machine may take its time. Jest ignores it in a project.
  testTimeout: 60_000,
  // Builds wait for disks and registries most of the time; more of them at once only slow one another down.
  maxWorkers: 2,
  testSequencer: '<rootDir>/scripts/test-sequencer.mjs',
  reporters: ['default', '<rootDir>/scripts/test-reporter.mjs'],
}
