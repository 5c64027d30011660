// Package release says which program this is, to people and in what it writes.
package release

import "runtime/debug"

// Set by the build.
var (
	tag = "" // git describe

	Revision = "unknown" // the commit
)

// Version is the release, or the revision that Go recorded.
func Version() string {
	if tag != "" {
		return tag
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "devel " + s.Value[:12]
			}
		}
	}
	return "devel"
}
