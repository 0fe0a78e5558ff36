import { afterEach, jest } from '@jest/globals'

const restored: (() => void)[] = []
afterEach(() => {
  for (const restore of restored.splice(0)) restore()
})

/** Stops the clock of `Date.now()` until the end of the test, so that nothing ends before the test lets time pass. */
export function stoppedClock(): { readonly pass: (milliseconds: number) => void } {
  let now = Date.now()
  const spy = jest.spyOn(Date, 'now').mockImplementation(() => now)
  restored.push(() => {
    spy.mockRestore()
  })
  return {
    pass: (milliseconds) => {
      now += milliseconds
    },
  }
}
