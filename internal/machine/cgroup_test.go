package machine

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	gib = 1 << 30
	// available is what the imitated machines have: 8 GiB.
	available = "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\n"
	// none is what version 1 writes where there is no limit.
	none = "9223372036854771712\n"
)

// v2mount and v1mount are lines of mountinfo, as the kernel writes them.
func v2mount(root, point string) string {
	return fmt.Sprintf("41 31 0:38 %s %s rw,nosuid,nodev - cgroup2 cgroup2 rw,nsdelegate\n", root, point)
}

func v1mount(root, point, controllers string) string {
	return fmt.Sprintf("35 31 0:32 %s %s rw,relatime shared:9 master:2 - cgroup cgroup rw,%s\n", root, point, controllers)
}

const otherMounts = "23 1 254:0 / / rw,relatime - ext4 /dev/root rw\n24 23 0:21 / /a\\040b rw - cgroup\n25 23 0:22\n\n"

// v2files are those of a cgroup of version 2: with a limit in GiB, 3 GiB in use, of which 1 GiB is idle file pages.
func v2files(dir, limit, high string) map[string]string {
	return map[string]string{
		dir + "/memory.max": limit + "\n", dir + "/memory.high": high + "\n", dir + "/memory.current": fmt.Sprintln(3 * gib),
		dir + "/memory.stat": fmt.Sprintf("anon %d\nfile %d\ninactive_file %d\nactive_file 7\n", 2*gib, gib, gib),
	}
}

func v1files(dir, limit string) map[string]string {
	return map[string]string{
		dir + "/memory.limit_in_bytes": limit, dir + "/memory.usage_in_bytes": fmt.Sprintln(3 * gib),
		dir + "/memory.stat": fmt.Sprintf("inactive_file 5\nhierarchical_memory_limit %s\ntotal_inactive_file %d\n", limit, gib),
	}
}

func joined(all ...map[string]string) map[string]string {
	files := map[string]string{"proc/meminfo": available}
	for _, f := range all {
		maps.Copy(files, f)
	}
	return files
}

func where(cgroup, mountinfo string) map[string]string {
	return map[string]string{"proc/self/cgroup": cgroup, "proc/self/mountinfo": otherMounts + mountinfo}
}

func TestFreeMemory(t *testing.T) {
	five, six, ten := fmt.Sprint(5*gib), fmt.Sprint(6*gib), fmt.Sprint(10*gib)
	const top = "sys/fs/cgroup"
	unified := v2mount("/", "/sys/fs/cgroup")
	memory := v1mount("/", "/sys/fs/cgroup/memory", "memory")
	for name, m := range map[string]struct {
		files map[string]string
		want  int64 // GiB
	}{
		"no cgroups":        {joined(), 8},
		"2, no limit":       {joined(where("0::/a/b\n", unified), v2files(top+"/a/b", "max", "max")), 8},
		"2, no files":       {joined(where("0::/a/b\n", unified)), 8},
		"2":                 {joined(where("0::/a/b\n", unified), v2files(top+"/a/b", five, "max")), 3},
		"2, more than free": {joined(where("0::/a/b\n", unified), v2files(top+"/a/b", fmt.Sprint(99*gib), "max")), 8},
		"2, high":           {joined(where("0::/a/b\n", unified), v2files(top+"/a/b", ten, five)), 3},
		"2, full":           {joined(where("0::/a\n", unified), v2files(top+"/a", fmt.Sprint(gib), "max")), 0},
		"2, the parent's is smaller": {joined(where("0::/a/b/c\n", unified),
			v2files(top+"/a/b/c", ten, "max"), v2files(top+"/a/b", "max", "max"), v2files(top+"/a", five, "max")), 3},
		"2, the own is smaller":      {joined(where("0::/a/b\n", unified), v2files(top+"/a/b", five, "max"), v2files(top+"/a", six, "max")), 3},
		"2, of others":               {joined(where("0::/a/b\n", unified), v2files(top+"/a/c", five, "max"), v2files(top+"/b", five, "max")), 8},
		"2, in a namespace":          {joined(where("0::/\n", unified), v2files(top, five, "max")), 3},
		"2, in a namespace, below":   {joined(where("0::/x\n", unified), v2files(top, five, "max"), v2files(top+"/x", ten, "max")), 3},
		"2, colons and spaces":       {joined(where("0::/a:b c/d\n", v2mount("/", `/sys/fs/c\040group`)), v2files("sys/fs/c group/a:b c/d", five, "max")), 3},
		"2, a part bind-mounted":     {joined(where("0::/a/b/c\n", v2mount("/a", "/mnt/x")), v2files("mnt/x/b/c", five, "max")), 3},
		"2, the own bind-mounted":    {joined(where("0::/a/b\n", v2mount("/a/b", "/mnt/x")), v2files("mnt/x", five, "max")), 3},
		"2, another's bind-mounted":  {joined(where("0::/a/b\n", v2mount("/a/bc", "/mnt/x")), v2files("mnt/x", five, "max")), 8},
		"2, mounted from outside":    {joined(where("0::/\n", v2mount("/../..", "/mnt/x")), v2files("mnt/x", five, "max"), v2files("mnt", gibs(1), "max")), 3},
		"2, moved out of its space":  {joined(where("0::/../b\n", unified), v2files(top, five, "max"), v2files("sys/fs/b", five, "max")), 8},
		"2, moved, seen from above":  {joined(where("0::/../b\n", v2mount("/..", "/sys/fs/cgroup")), v2files(top+"/b", five, "max")), 3},
		"2, usage missing":           {joined(where("0::/a\n", unified), map[string]string{top + "/a/memory.max": five}), 5},
		"2, only the cgroups say":    {without(joined(where("0::/a\n", unified), v2files(top+"/a", ten, "max")), "proc/meminfo"), 8},
		"1":                          {joined(where("4:memory:/a\n", memory), v1files(top+"/memory/a", five)), 3},
		"1, no limit":                {joined(where("4:memory:/a\n", memory), v1files(top+"/memory/a", none), v1files(top+"/memory", none)), 8},
		"1, the parent's is smaller": {joined(where("4:memory:/a/b\n", memory), v1files(top+"/memory/a/b", none), v1files(top+"/memory/a", five)), 3},
		"1, several controllers":     {joined(where("4:cpu,memory:/a\n", v1mount("/", "/cg", "cpu,memory")), v1files("cg/a", five)), 3},
		"1, of another controller":   {joined(where("4:cpu:/a\n3:memory:/b\n", v1mount("/", "/sys/fs/cgroup/cpu", "cpu")+memory), v1files(top+"/cpu/a", five), v1files(top+"/memory/a", five)), 8},
		"1, a container's":           {joined(where("4:memory:/docker/f00\n", v1mount("/docker/f00", "/sys/fs/cgroup/memory", "memory")), v1files(top+"/memory", five)), 3},
		"hybrid, memory in 1": {joined(where("4:memory:/a\n1:name=systemd:/s\n0::/s\n", memory+v2mount("/", "/sys/fs/cgroup/unified")),
			v1files(top+"/memory/a", five), map[string]string{top + "/unified/s/cgroup.procs": ""}), 3},
		"hybrid, memory in 2": {joined(where("1:name=systemd:/s\n0::/s\n", v1mount("/", "/sys/fs/cgroup/systemd", "xattr,name=systemd")+v2mount("/", "/sys/fs/cgroup/unified")),
			v2files(top+"/unified/s", five, "max")), 3},
	} {
		got, err := imitated(t, m.files).freeMemory()
		require.NoError(t, err, name)
		assert.Equal(t, m.want*gib, got, name)
	}
	_, err := imitated(t, map[string]string{"proc/meminfo": "MemTotal: 5 kB\n"}).freeMemory()
	assert.EqualError(t, err, "free memory: neither /proc/meminfo nor a cgroup says how much there is")
	free, err := FreeMemory()
	require.NoError(t, err)
	assert.Greater(t, free, int64(1<<20))
}

func gibs(n int) string { return fmt.Sprint(n * gib) }

func without(files map[string]string, name string) map[string]string {
	delete(files, name)
	return files
}

func TestCPUs(t *testing.T) {
	const top = "sys/fs/cgroup"
	unified := v2mount("/", "/sys/fs/cgroup")
	both := v1mount("/", "/sys/fs/cgroup/cpu", "cpu,cpuacct")
	v1 := func(dir, quota, period string) map[string]string {
		return map[string]string{dir + "/cpu.cfs_quota_us": quota + "\n", dir + "/cpu.cfs_period_us": period + "\n"}
	}
	v2 := func(dir, quota string) map[string]string { return map[string]string{dir + "/cpu.max": quota + "\n"} }
	for name, m := range map[string]struct {
		files map[string]string
		want  int
	}{
		"no cgroups":                 {nil, 16},
		"2, no limit":                {joined(where("0::/a\n", unified), v2(top+"/a", "max 100000")), 16},
		"2":                          {joined(where("0::/a\n", unified), v2(top+"/a", "400000 100000")), 4},
		"2, part of one":             {joined(where("0::/a\n", unified), v2(top+"/a", "10000 100000")), 1},
		"2, one and a half":          {joined(where("0::/a\n", unified), v2(top+"/a", "150000 100000")), 2},
		"2, more than there are":     {joined(where("0::/a\n", unified), v2(top+"/a", "9000000 100000")), 16},
		"2, the parent's is smaller": {joined(where("0::/a/b\n", unified), v2(top+"/a/b", "800000 100000"), v2(top+"/a", "300000 100000")), 3},
		"2, nonsense":                {joined(where("0::/a\n", unified), v2(top+"/a", "5 0")), 16},
		"1, no limit":                {joined(where("4:cpu,cpuacct:/a\n", both), v1(top+"/cpu/a", "-1", "100000")), 16},
		"1":                          {joined(where("4:cpu,cpuacct:/a\n", both), v1(top+"/cpu/a", "250000", "50000")), 5},
	} {
		assert.Equal(t, m.want, imitated(t, m.files).cpus(16), name)
	}
	assert.GreaterOrEqual(t, CPUs(), 1)
}
