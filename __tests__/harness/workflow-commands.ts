/** What a runner takes a line of a step's log for. */
export interface WorkflowCommand {
  readonly name: string
  readonly parameters: string
  readonly value: string
}

export interface ReadLog {
  readonly commands: readonly WorkflowCommand[]
  /** The token that stops commands at the end of the log, which it never should. */
  readonly stoppedBy: string | undefined
}

/**
 * The commands that GitHub's runner finds in a log, by what it documents: `::name parameters::value` at the start of a
 * line, white space before it aside; the older `##[name parameters]value` anywhere in a line; between
 * `::stop-commands::TOKEN` and `::TOKEN::` none at all.
 * @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
export function readCommands(log: string): ReadLog {
  const commands: WorkflowCommand[] = []
  let stoppedBy: string | undefined
  // Programs that write \r alone have lines of their own in it.
  for (const line of log.split(/\r\n|\r|\n/)) {
    const command = current(line) ?? older(line)
    if (command === undefined) continue
    if (stoppedBy !== undefined) {
      if (command.name === stoppedBy) stoppedBy = undefined
    } else {
      commands.push(command)
      if (command.name === 'stop-commands') stoppedBy = command.value
    }
  }
  return { commands, stoppedBy }
}

function current(line: string): WorkflowCommand | undefined {
  const [, name, parameters = '', value = ''] = /^[\s\u0085]*::([^\s:]+)(?: (.*?))?::(.*)$/s.exec(line) ?? []
  return name === undefined ? undefined : { name, parameters, value }
}

function older(line: string): WorkflowCommand | undefined {
  const [, name, parameters = '', value = ''] = /##\[([^\s\]]+)(?: ([^\]]*))?\](.*)$/s.exec(line) ?? []
  return name === undefined ? undefined : { name, parameters, value }
}

/** Without the groups that phases of the action make, whose titles have their time; in none is another one. */
export function withoutPhases(commands: readonly WorkflowCommand[]): WorkflowCommand[] {
  const isPhase = ({ name, value }: WorkflowCommand): boolean =>
    name === 'group' && /^(Setup|Preflight|Restore|SBOM|Push|Attest|Save): \d+\.\d s$/.test(value)
  return commands.filter((command, index) => {
    const before = commands[index - 1]
    const endsPhase = command.name === 'endgroup' && before !== undefined && isPhase(before)
    return !isPhase(command) && !endsPhase
  })
}
