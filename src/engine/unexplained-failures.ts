import { CommandError } from '../exec.js'
import { hintFor } from './error-hints.js'

/** Messages about the Dockerfile, the context, the arguments or a registry: another build would fail with them again. */
const KNOWN: readonly RegExp[] = [
  // A program of a RUN that ended so.
  /building at STEP "RUN [^]*(exit status \d+|exit code \d+|signal: )/,
  /parse error|unknown instruction|syntax error|unrecognized|unsupported|not supported|deprecated/i,
  /\b(requires|must (be|have|not)|may not|cannot be|can't be|not allowed|not permitted|permission denied)\b/i,
  /\b(unknown|invalid|ambiguous|missing|bad) (flag|option|shorthand|value|reference|argument "|name|user|group|port)/i,
  // COPY and ADD without a source, and FROM or --from without a stage.
  /building at STEP "(COPY|ADD) [^]*(no such file or directory|no items matching glob|not a directory)/,
  /did not find|does not exist|no such (stage|image|container|user|host)|no FROM|no stage|not found/i,
  // What a registry answers, or doesn't.
  /(reading|fetching|getting) (manifest|blob|config)|pinging|initializing source|trying to reuse blob|status code|registry/i,
  /\b(timeout|timed out|refused|reset by peer|unreachable|no route|lookup|TLS|x509|EOF while)\b/i,
  // The machine.
  /no space left|disk quota|cannot allocate memory|too many open files|user namespace|newuidmap|seccomp|apparmor/i,
]

/** What a push says of layers that aren't what the storage says of them. */
const WRONG_LAYERS =
  /digest did not match|digests? (mismatch|do(es)? not match)|file integrity checksum|layer not known|(image|identifier) (is )?not (known|an image)|(gzip|flate|zlib): |tar-split|size mismatch/i

/**
 * Whether a build or a push failed for a reason that is not known to lie with the Dockerfile, a registry or the machine:
 * then the restored layers may be damaged. Pure.
 */
export function isUnexplained({ message, cause }: Error): boolean {
  if (!(cause instanceof CommandError)) return WRONG_LAYERS.test(message)
  const { output, exitCode } = cause
  // Ended by a signal.
  if (exitCode < 0 || exitCode > 128) return false
  const said = output.slice(Math.max(0, output.lastIndexOf('Error: ')))
  if (WRONG_LAYERS.test(said)) return !/building at STEP "RUN [^]*exit status \d+/.test(said)
  return hintFor(output) === undefined && !KNOWN.some((pattern) => pattern.test(said))
}
