#!/usr/bin/node
// What Buildx's driver docker-container starts in its container: it waits for the daemon, and speaks to it by this program.
const { connect } = require('node:net')
const process = require('node:process')

const socket = connect({ path: '/run/buildkit/buildkitd.sock', allowHalfOpen: true })
socket.on('error', () => process.exit(1))
if (process.argv[2] === 'dial-stdio') {
  process.stdin.pipe(socket)
  socket.pipe(process.stdout)
} else socket.on('connect', () => process.exit())
