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
  // Builds share two cores and one machine: one end-to-end file at a time keeps their timings and faults apart.
  maxWorkers: 1,
}
