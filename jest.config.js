const project = (name) => ({
  displayName: name,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Types are what `npm run check` looks at.
  transform: { '^.+\\.ts$': ['ts-jest', { useESM: true, tsconfig: 'tsconfig.json', transpilation: true }] },
  // Ends what hangs; a busy machine may take its time.
  testTimeout: 60_000,
  testMatch: [`<rootDir>/__tests__/${name}/**/*.test.ts`],
})

export default {
  // The system's temporary folder is another one in each run (scripts/jest.sh).
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  projects: [project('unit'), project('e2e')],
  // Builds wait for disks and registries most of the time; more of them at once only slow one another down.
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/scripts/test-reporter.mjs'],
}
