const project = (name, extra = {}) => ({
  displayName: name,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['ts-jest', { useESM: true, tsconfig: 'tsconfig.json' }] },
  testMatch: [`<rootDir>/__tests__/${name}/**/*.test.ts`],
  ...extra,
})

export default {
  projects: [project('unit'), project('e2e')],
  // Builds wait for disks and registries most of the time; more of them at once only slow one another down.
  maxWorkers: 2,
}
