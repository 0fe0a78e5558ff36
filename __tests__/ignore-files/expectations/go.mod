module example.invalid/ignore-file-expectations

go 1.24.0

require (
	github.com/moby/patternmatcher v0.6.1
	go.podman.io/storage v1.62.0
)

require (
	github.com/sirupsen/logrus v1.9.3 // indirect
	golang.org/x/sys v0.37.0 // indirect
)
