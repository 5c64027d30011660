package machine

import (
	"path"
	"runtime"
	"strings"
)

// CPUs is how many threads of the process can run at a time: as many as the machine has processors that it may use and
// as its cgroups give it the time of, at least 1. GOMAXPROCS bounds it, whether the user or the runtime chose it; the
// runtime heeds the quota of the process's own cgroup alone, and none below 2 (Go 1.25).
func CPUs() int { return here.cpus(min(runtime.NumCPU(), runtime.GOMAXPROCS(0))) }

func (h host) cpus(most int) int {
	for _, g := range h.cgroups("cpu") {
		if quota, period := h.quota(g); quota > 0 && period > 0 {
			most = min(most, int((quota-1)/period)+1)
		}
	}
	return most
}

// quota is how many microseconds of processor time a cgroup has in each period, 0 where it has no limit.
func (h host) quota(g cgroup) (quota, period int64) {
	first, second, _ := strings.Cut(h.read(path.Join(g.dir, "cpu.max")), " ") // "max 100000"
	if !g.v2 {
		first, second = h.read(path.Join(g.dir, "cpu.cfs_quota_us")), h.read(path.Join(g.dir, "cpu.cfs_period_us")) // -1: none
	}
	quota, _ = number(first)
	period, _ = number(second)
	return quota, period
}
