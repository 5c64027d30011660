// Package release says which program this is, for what it writes: the command sets Version, the build Revision.
package release

var (
	Version  = "unknown"
	Revision = "unknown" // the commit
)
