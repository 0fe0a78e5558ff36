/** A Dockerfile, and what its checks find: by us, and by BuildKit, which finds at least the same. */
export interface CheckCase {
  readonly name: string
  /** `BASE` stands for a base image without settings, `SET` for one with those of `CHECK_BASE`. */
  readonly dockerfile: string
  readonly ignore?: string
  readonly target?: string
  readonly buildArgs?: Readonly<Record<string, string>>
  /** `Rule:line`, by their lines. */
  readonly found: readonly string[]
}

/** Settings of the base image `SET`. */
export const CHECK_BASE = {
  Env: ['PATH=/bin', 'FROM_BASE=1'],
  Shell: ['/bin/sh', '-ec'],
  OnBuild: ['ENV OF_TRIGGER=1', 'WORKDIR /of-trigger'],
}

const one = (name: string, lines: string, found: string, more: Partial<CheckCase> = {}): CheckCase => ({
  name,
  dockerfile: `${lines}\n`,
  found: found === '' ? [] : found.split(' '),
  ...more,
})

export const CHECK_CASES: readonly CheckCase[] = [
  // Secrets
  one(
    'names that look like secrets',
    'FROM BASE\nARG API_TOKEN\nENV DB_PASSWORD=x USER_NAME=y\nARG key=1\nENV Auth x',
    'SecretsUsedInArgOrEnv:2 SecretsUsedInArgOrEnv:3 SecretsUsedInArgOrEnv:4 SecretsUsedInArgOrEnv:5',
  ),
  one(
    'names that only sound like secrets',
    'FROM BASE\nARG PUBLIC_KEY\nENV KEYBOARD=x TOKENS=1 SECRET_FILE=/run/x AUTH_VERSION=1\nARG MONKEY',
    '',
  ),
  one('an argument before the first FROM', 'ARG TOKEN=x\nFROM BASE\nARG IMAGE', ''),
  one('a name that is put together', 'FROM BASE\nARG A=x\nENV ${A}_TOKEN=1', ''),
  // Variables
  one(
    'variables that nobody sets',
    'FROM BASE\nENV A=$B\nLABEL x="$C" y=\'$D\'\nWORKDIR /$E\nUSER $F\nCOPY $G /x\nVOLUME ["/$H"]\nSTOPSIGNAL SIGTERM$I\nENV J=1 K=$J',
    'UndefinedVar:2 UndefinedVar:3 UndefinedVar:4 UndefinedVar:5 UndefinedVar:6 UndefinedVar:7 UndefinedVar:8 UndefinedVar:9',
  ),
  one(
    'variables that are set',
    'ARG G=1\nFROM BASE\nARG A\nARG B=$A C=$B\nENV D=$C E=$PATH\nLABEL x=$D y=$E\nARG G\nUSER $G\nARG TARGETARCH\nWORKDIR /$TARGETARCH',
    '',
  ),
  one(
    'variables that are escaped, have a fallback or are for a shell',
    'FROM BASE\nENV A=\\$B C="\\$D" E=\'$F\' G=${H:-x} I=${J-x} K=${L:+x}\nRUN echo $M\nCMD ["echo", "$N"]\nENV O=$$ P=$1 Q="a$"',
    '',
  ),
  one('a variable behind a fallback', 'FROM BASE\nARG A\nENV B=${A:-$C}', 'UndefinedVar:3'),
  one('a variable whose value is cut', 'FROM BASE\nENV B=${A%.*}', 'UndefinedVar:2'),
  one('another escape character', '# escape=`\nFROM BASE\nENV A=`$B C=\\$D', 'UndefinedVar:3'),
  one('a default that a build argument replaces', 'FROM BASE\nARG A=$B\nARG C=$D', 'UndefinedVar:3', {
    buildArgs: { A: '1' },
  }),
  one('a variable of the base image', 'FROM SET\nENV A=$FROM_BASE B=$OF_TRIGGER C=$FROM_NOBODY', 'UndefinedVar:2'),
  one('an empty base image', 'FROM scratch\nENV A=$B C=$PATH', 'UndefinedVar:2'),
  one(
    'variables of the stage that another is built on',
    'FROM BASE AS one\nARG A\nENV B=1\nFROM one AS two\nENV C=$A D=$B\nFROM BASE\nCOPY --from=two /x /\nENV C=$A D=$B',
    'UndefinedVar:8',
  ),
  one(
    'what a stage puts off to the next',
    'FROM BASE AS one\nONBUILD ARG A=1\nONBUILD WORKDIR /x\nFROM one\nENV B=$A\nWORKDIR y\nCMD ["x"]',
    '',
  ),
  one('an argument before the first FROM alone', 'ARG A=1\nFROM BASE\nENV B=$A', 'UndefinedVar:3'),
  one('an owner and a mode', 'FROM BASE\nCOPY --chown=$A --chmod=$B x /x', 'UndefinedVar:2'),
  one('a heredoc', 'FROM BASE\nCOPY <<"END" /x\n$A\nEND\nRUN <<END\necho $B\nEND', ''),
  one('a list as another instruction has it', 'FROM BASE\nARG A=1\nCOPY ["x", "$A", "$B", "/"]', 'UndefinedVar:3'),
  // WORKDIR
  one('a relative folder', 'FROM BASE\nWORKDIR app\nWORKDIR other', 'WorkdirRelativePath:2'),
  one(
    'a relative folder in quotes, and one of a home',
    'FROM BASE\nWORKDIR "app"\nFROM BASE\nWORKDIR ~/app',
    'WorkdirRelativePath:4',
  ),
  one(
    'absolute folders',
    'FROM BASE AS one\nWORKDIR "/app"\nFROM one\nWORKDIR app\nFROM BASE\nARG A=/x\nWORKDIR $A',
    '',
  ),
  one('a folder behind a trigger of the base image', 'FROM SET\nWORKDIR app', ''),
  // Shell form
  one(
    'commands in shell form',
    'FROM BASE\nCMD npm start\nENTRYPOINT exec node x\nENTRYPOINT ["node"]\nCMD [x]\nHEALTHCHECK CMD true',
    'JSONArgsRecommended:2 JSONArgsRecommended:3 JSONArgsRecommended:5',
  ),
  one(
    'a shell of the Dockerfile’s own',
    'FROM BASE AS one\nSHELL ["/bin/bash", "-c"]\nCMD npm start\nFROM one\nCMD x',
    '',
  ),
  one('a shell of the base image', 'FROM SET\nCMD npm start', ''),
  // Ignored files
  one(
    'files that are excluded',
    'FROM BASE\nCOPY a.log /x\nADD logs/b.txt c.txt /x\nCOPY ["./logs", "/x"]\nCOPY *.log /x\nCOPY . /x\nCOPY --from=BASE a.log /x\nADD https://example.com/a.log /x',
    'CopyIgnoredFile:2 CopyIgnoredFile:3 CopyIgnoredFile:4 CopyIgnoredFile:5',
    { ignore: '# all logs\n*.log\nlogs/\n' },
  ),
  one('all of the context', 'FROM BASE\nCOPY . /x', 'CopyIgnoredFile:2', { ignore: '*\n' }),
  one('exceptions', 'FROM BASE\nCOPY a.log b.log /x', '', { ignore: '*.log\n!a.log\n' }),
  one('a file of a variable', 'FROM BASE\nARG A=a.log\nCOPY $A /x', '', { ignore: '**/*.md\n' }),
  one('a path from the root', 'FROM BASE\nCOPY /logs /x', '', { ignore: 'logs\n' }),
  one('a pattern of all folders', 'FROM BASE\nCOPY a/b.md /x', 'CopyIgnoredFile:2', { ignore: '**/*.md\n' }),
  // Stages
  one(
    'a name twice',
    'FROM BASE AS one\nFROM BASE AS Two\nFROM BASE AS ONE\nFROM BASE AS two',
    'DuplicateStageName:3 DuplicateStageName:4',
  ),
  one('a stage that isn’t built', 'FROM BASE AS one\nENV TOKEN=1\nFROM BASE AS two', '', { target: 'two' }),
  one(
    'a stage that is copied from',
    'FROM BASE AS one\nENV TOKEN=1\nFROM BASE\nCOPY --from=one /x /',
    'SecretsUsedInArgOrEnv:2',
  ),
  // Directives
  one(
    'a rule that is skipped',
    '# check=skip=UndefinedVar, JSONArgsRecommended\nFROM BASE\nENV A=$B\nCMD x\nARG TOKEN',
    'SecretsUsedInArgOrEnv:5',
  ),
  one('all rules skipped', '# syntax=docker/dockerfile:1\n# check=skip=all\nFROM BASE\nENV A=$B', ''),
  one('a directive that is none', '# a comment\n# check=skip=all\nFROM BASE\nENV A=$B', 'UndefinedVar:4'),
  one(
    'a rule skipped for an instruction',
    'FROM BASE\n# check=skip=UndefinedVar for a reason\n\n# another comment\nENV A=$B\nENV C=$D',
    'UndefinedVar:6',
  ),
  one('a comment that is taken back', 'FROM BASE\n# check=skip=UndefinedVar\n#\nENV A=$B', 'UndefinedVar:4'),
  one('a rule of another name', '# check=skip=StageNameCasing\nFROM BASE\nENV A=$B', 'UndefinedVar:3'),
]
