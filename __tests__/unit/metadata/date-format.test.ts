import { describe, expect, test } from '@jest/globals'
import { formatDate } from '../../../src/metadata/date-format.js'
import { refusal } from '../helpers.js'

const morning = new Date('2026-03-07T04:05:09.042Z')
const newYear = new Date('2021-01-02T23:59:58.900Z')

describe('the tokens of moment', () => {
  test.each([
    ['YYYYMMDD', '20260307', '20210102'],
    ['YY M D', '26 3 7', '21 1 2'],
    ['MMM MMMM', 'Mar March', 'Jan January'],
    ['Q', '1', '1'],
    ['Do DDD DDDD', '7th 66 066', '2nd 2 002'],
    ['d dd ddd dddd', '6 Sa Sat Saturday', '6 Sa Sat Saturday'],
    ['e E', '6 6', '6 6'],
    ['w ww', '10 10', '1 01'],
    ['W WW', '10 10', '53 53'],
    ['gg gggg GG GGGG', '26 2026 26 2026', '21 2021 20 2020'],
    ['H HH h hh k kk', '4 04 4 04 4 04', '23 23 11 11 23 23'],
    ['m mm s ss', '5 05 9 09', '59 59 58 58'],
    ['a A', 'am AM', 'pm PM'],
    ['S SS SSS SSSS', '0 04 042 0420', '9 90 900 9000'],
    ['Z ZZ z', '+00:00 +0000 UTC', '+00:00 +0000 UTC'],
    ['X x', '1772856309 1772856309042', '1609631998 1609631998900'],
    [
      'dddd, MMMM Do YYYY, h:mm:ss a',
      'Saturday, March 7th 2026, 4:05:09 am',
      'Saturday, January 2nd 2021, 11:59:58 pm',
    ],
    ['YYYY-MM-DDTHH:mm:ss.SSS[Z]', '2026-03-07T04:05:09.042Z', '2021-01-02T23:59:58.900Z'],
    ['[week] W', 'week 10', 'week 53'],
    ['\\YYYY [DD] \\MM', 'YYYY DD MM', 'YYYY DD MM'],
    ['r_i-j', 'r_i-j', 'r_i-j'],
    ['', '', ''],
  ])('%s', (format, first, second) => {
    expect([formatDate(morning, format), formatDate(newYear, format)]).toEqual([first, second])
  })

  test.each([
    [1, '1st'],
    [2, '2nd'],
    [3, '3rd'],
    [4, '4th'],
    [11, '11th'],
    [12, '12th'],
    [13, '13th'],
    [20, '20th'],
    [21, '21st'],
    [31, '31st'],
  ])('day %i is the %s', (day, ordinal) => {
    expect(formatDate(new Date(Date.UTC(2026, 0, day)), 'Do')).toBe(ordinal)
  })

  test('midnight is 0, 12 and 24', () => {
    expect(formatDate(new Date('2026-01-01T00:00:00Z'), 'H HH h hh k kk A')).toBe('0 00 12 12 24 24 AM')
  })
})

describe('a zone', () => {
  test.each([
    ['UTC', '2026-03-07 04:05 +00:00'],
    ['Asia/Tokyo', '2026-03-07 13:05 +09:00'],
    ['America/New_York', '2026-03-06 23:05 -05:00'],
    ['Asia/Kolkata', '2026-03-07 09:35 +05:30'],
    ['America/St_Johns', '2026-03-07 00:35 -03:30'],
    ['Pacific/Kiritimati', '2026-03-07 18:05 +14:00'],
  ])('%s', (zone, expected) => {
    expect(formatDate(morning, 'YYYY-MM-DD HH:mm Z', zone)).toBe(expected)
  })

  test.each([
    ['2026-03-29T00:59:59Z', '01:59:59 +0100'],
    ['2026-03-29T01:00:00Z', '03:00:00 +0200'],
    ['2026-10-25T00:59:59Z', '02:59:59 +0200'],
    ['2026-10-25T01:00:00Z', '02:00:00 +0100'],
  ])('changes its clock: %s', (date, expected) => {
    expect(formatDate(new Date(date), 'HH:mm:ss ZZ', 'Europe/Berlin')).toBe(expected)
  })

  test('counts for the calendar too', () => {
    expect(formatDate(new Date('2025-12-31T20:00:00Z'), 'GGGG-[W]WW-E DDDD', 'Asia/Tokyo')).toBe('2026-W01-4 001')
  })

  test('that is unknown is refused', () => {
    const error = refusal(() => formatDate(morning, 'YYYY', 'Mars/Base\n'))
    expect(error.message).toBe('the time zone "Mars/Base\\n" is unknown')
    expect(error.hint).toMatch(/tz='Asia\/Tokyo'/)
  })
})
