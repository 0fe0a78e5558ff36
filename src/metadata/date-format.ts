import dayjs, { type Dayjs } from 'dayjs'
import dayOfYear from 'dayjs/plugin/dayOfYear.js'
import isoWeek from 'dayjs/plugin/isoWeek.js'
import utc from 'dayjs/plugin/utc.js'
import weekOfYear from 'dayjs/plugin/weekOfYear.js'
import weekYear from 'dayjs/plugin/weekYear.js'
import { UserError } from '../errors.js'
import { quote } from '../lib/quote.js'

dayjs.extend(utc)
dayjs.extend(dayOfYear)
dayjs.extend(isoWeek)
dayjs.extend(weekOfYear)
dayjs.extend(weekYear)

/** A moment in a zone: `wall` has the zone's calendar and clock as its fields, `offset` is in minutes east of UTC. */
interface Moment {
  readonly date: Date
  readonly zone: string
  readonly offset: number
  readonly wall: Dayjs
}

/**
 * Writes a date by the format tokens of momentjs.com/docs/#/displaying/format/ in its locale `en`, without those for eras,
 * for dates as a locale writes them, and for ordinals but that of the day. Text in `[…]` is kept.
 *
 * @param zone a name of the IANA time zone database
 * @throws UserError when the zone is unknown
 */
export function formatDate(date: Date, format: string, zone = 'UTC'): string {
  const moment = momentIn(date, zone)
  return format.replace(token, (_found, bracketed?: string, escaped?: string, name: string = '') => {
    return bracketed ?? escaped ?? tokens.get(name)?.(moment) ?? moment.wall.format(name)
  })
}

function momentIn(date: Date, zone: string): Moment {
  const fields = new Map(
    clock(zone)
      .formatToParts(date)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const field = (type: Intl.DateTimeFormatPartTypes) => fields.get(type) ?? 0
  const day = [field('year'), field('month') - 1, field('day')] as const
  const wall = Date.UTC(...day, field('hour'), field('minute'), field('second'), date.getUTCMilliseconds())
  return { date, zone, offset: Math.round((wall - date.getTime()) / 60_000), wall: dayjs.utc(wall) }
}

// The clock comes from Intl: dayjs' own time zones are computed by way of the machine's, and break where its clock jumps.
function clock(zone: string): Intl.DateTimeFormat {
  const numeric = 'numeric'
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    })
  } catch (error) {
    throw new UserError(
      `the time zone ${quote(zone)} is unknown`,
      "Write a name of the IANA time zone database, such as tz='Asia/Tokyo'.",
      { cause: error },
    )
  }
}

type Write = (moment: Moment) => string

const number =
  (read: (wall: Dayjs) => number, width = 1): Write =>
  ({ wall }) =>
    pad(read(wall), width)
const quarter = (wall: Dayjs) => Math.ceil((wall.month() + 1) / 3)

/** The tokens that are dayjs' own, which it writes as moment does. */
const plain = 'YYYY YY MMMM MMM MM M DD D dddd ddd dd d HH H hh h mm m ss s A a'.split(' ')

/** The others. */
const tokens: ReadonlyMap<string, Write> = new Map<string, Write>([
  ['Q', number(quarter)],
  ['Do', ({ wall }) => ordinalOf(wall.date())],
  ['DDD', number((wall) => wall.dayOfYear())],
  ['DDDD', number((wall) => wall.dayOfYear(), 3)],
  ['e', number((wall) => wall.day())],
  ['E', number((wall) => wall.isoWeekday())],
  ['w', number((wall) => wall.week())],
  ['ww', number((wall) => wall.week(), 2)],
  ['W', number((wall) => wall.isoWeek())],
  ['WW', number((wall) => wall.isoWeek(), 2)],
  ['gg', number((wall) => wall.weekYear() % 100, 2)],
  ['gggg', number((wall) => wall.weekYear(), 4)],
  ['GG', number((wall) => wall.isoWeekYear() % 100, 2)],
  ['GGGG', number((wall) => wall.isoWeekYear(), 4)],
  ['k', number((wall) => wall.hour() || 24)],
  ['kk', number((wall) => wall.hour() || 24, 2)],
  ...Array.from({ length: 9 }, (_, index): [string, Write] => ['S'.repeat(index + 1), fraction(index + 1)]),
  ['X', ({ date }) => String(Math.floor(date.getTime() / 1000))],
  ['x', ({ date }) => String(date.getTime())],
  ['Z', ({ offset }) => offsetText(offset, ':')],
  ['ZZ', ({ offset }) => offsetText(offset, '')],
  ['z', zoneName],
])

/** Of two tokens that fit the longer one counts. */
const anyToken = [...plain, ...tokens.keys()].sort((a, b) => b.length - a.length).join('|')

/** Text in brackets, text behind a backslash, or a token. */
const token = new RegExp(`\\[([^[]*)\\]|\\\\(${anyToken}|.)|(${anyToken})`, 'g')

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function ordinalOf(value: number): string {
  const teen = Math.floor((value % 100) / 10) === 1
  const ending = teen ? undefined : ['th', 'st', 'nd', 'rd'][value % 10]
  return `${value}${ending ?? 'th'}`
}

/** The fraction of the second to that many digits; there is nothing behind the milliseconds. */
function fraction(digits: number): Write {
  return ({ wall }) => pad(wall.millisecond(), 3).padEnd(9, '0').slice(0, digits)
}

function offsetText(offset: number, separator: string): string {
  const minutes = Math.abs(offset)
  return `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}${separator}${pad(minutes % 60, 2)}`
}

function zoneName({ date, zone }: Moment): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'short' }).formatToParts(date)
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? zone
}
