package machine

import (
	"errors"
	"math"
	"path"
	"strconv"
	"strings"
)

// unlimited is more than any machine has. Version 1 writes the largest number of whole pages for "no limit".
const unlimited = 1 << 60

// FreeMemory is how many bytes of memory the process may still take: what the system has available, or what a cgroup
// around the process leaves of its limit where that is less. The error is that nothing says.
func FreeMemory() (bytes int64, err error) { return here.freeMemory() }

func (h host) freeMemory() (int64, error) {
	free := int64(unlimited)
	if kib, ok := field(h.read("/proc/meminfo"), "MemAvailable:"); ok {
		free = kib * 1024
	}
	for _, g := range h.cgroups("memory") {
		free = min(free, h.left(g))
	}
	if free == unlimited {
		return 0, errors.New("free memory: neither /proc/meminfo nor a cgroup says how much there is")
	}
	return free, nil
}

// left is what a cgroup leaves of its limit. Of the pages it has in use those of files that nobody read lately do not
// count, as container tools have it: the kernel drops them first.
func (h host) left(g cgroup) int64 {
	limits, usage, idle := []string{"memory.max", "memory.high"}, "memory.current", "inactive_file"
	if !g.v2 {
		limits, usage, idle = []string{"memory.limit_in_bytes"}, "memory.usage_in_bytes", "total_inactive_file"
	}
	limit := int64(unlimited)
	for _, name := range limits { // above memory.high a process is slowed down until it hardly runs
		if n, ok := number(h.read(path.Join(g.dir, name))); ok {
			limit = min(limit, n)
		}
	}
	if limit == unlimited {
		return limit
	}
	used, _ := number(h.read(path.Join(g.dir, usage)))
	dropped, _ := field(h.read(path.Join(g.dir, "memory.stat")), idle)
	return max(0, limit-max(0, used-dropped))
}

// number is that of a file that holds one; "max" is none.
func number(text string) (int64, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	return int64(min(n, math.MaxInt64)), err == nil
}

// field is the first number of the line that begins with name.
func field(text, name string) (int64, bool) {
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			return number(words[1])
		}
	}
	return 0, false
}
