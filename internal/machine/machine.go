// Package machine tells what of this machine the process may use: what there is, less what the cgroups around a
// container or a service leave of it.
package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// host is the directory below which the system's files lie.
type host string

const here host = "/"

// read is the text of a file, "" where there is none: kernels and containers differ in which they have.
func (h host) read(path string) string {
	text, err := os.ReadFile(filepath.Join(string(h), path))
	if err != nil {
		return ""
	}
	return string(text)
}

// Processor is the name of this machine's, "unknown" where the system has none.
func Processor() string { return here.processor() }

func (h host) processor() string {
	for line := range strings.Lines(h.read("/proc/cpuinfo")) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// DiskFree is how many bytes the process may still write to the file system that path lies on. The path must be there.
func DiskFree(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, fmt.Errorf("%s: free space: %w", path, err)
	}
	unit := st.Frsize // what blocks are counted in; 0 on some file systems, where it is Bsize
	if unit == 0 {
		unit = st.Bsize
	}
	return int64(st.Bavail) * unit, nil
}
