package torch

// What tests see that programs do not.
var (
	HostAmong    = hostAmong
	NewCommAlone = newComm
)
