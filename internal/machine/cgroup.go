package machine

import (
	"path"
	"slices"
	"strings"
)

// cgroup is a directory whose limits hold for the process.
type cgroup struct {
	dir string
	v2  bool
}

// cgroups are those of a controller that the process is in, from its own up to the topmost that is mounted here. Where
// both versions are mounted, those of both: the directories of the one that lacks the controller have none of its files.
func (h host) cgroups(controller string) (all []cgroup) {
	v1, v2 := h.membership(controller)
	for line := range strings.Lines(h.read("/proc/self/mountinfo")) {
		m, ok := parseMount(line)
		own := v2
		if !m.v2 {
			own, ok = v1, ok && slices.Contains(m.options, controller)
		}
		if !ok || own == "" {
			continue
		}
		if rel, ok := under(m.root, own); ok {
			all = append(all, cgroup{path.Join(m.point, rel), m.v2})
			for rel != "/" {
				rel = path.Dir(rel)
				all = append(all, cgroup{path.Join(m.point, rel), m.v2})
			}
		}
	}
	return all
}

// membership is the process's cgroup in the hierarchy of version 1 that has the controller, and in version 2's; "" where
// it is in none. A line is ID:CONTROLLERS:PATH, and version 2's is 0::PATH; colons may be in the path (cgroups(7)).
func (h host) membership(controller string) (v1, v2 string) {
	for line := range strings.Lines(h.read("/proc/self/cgroup")) {
		id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, own, _ := strings.Cut(rest, ":")
		switch {
		case id == "0" && controllers == "":
			v2 = own
		case slices.Contains(strings.Split(controllers, ","), controller):
			v1 = own
		}
	}
	return v1, v2
}

// mount is a line of mountinfo about cgroups.
type mount struct {
	root    string // the cgroup that is seen at point
	point   string
	options []string // of version 1: the controllers
	v2      bool
}

// unescape undoes the kernel's escapes of paths.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\043`, "#", `\134`, `\`)

// parseMount reads "ID PARENT DEVICE ROOT POINT OPTIONS [TAGS ...] - TYPE SOURCE OPTIONS" (proc_pid_mountinfo(5)).
func parseMount(line string) (m mount, ok bool) {
	fields := strings.Fields(line)
	dash := slices.Index(fields, "-")
	if dash < 6 || dash+1 >= len(fields) {
		return m, false
	}
	kind := fields[dash+1]
	return mount{
		root: unescape.Replace(fields[3]), point: unescape.Replace(fields[4]),
		options: strings.Split(fields[len(fields)-1], ","), v2: kind == "cgroup2",
	}, kind == "cgroup" || kind == "cgroup2"
}

// under is where a cgroup is found below a mount's point, "/" for the point itself; ok is false where the mount shows
// other cgroups. Both paths are as the process's cgroup namespace has them: what lies above its root begins with "/..".
func under(root, own string) (rel string, ok bool) {
	rel, below := strings.CutPrefix(own, strings.TrimSuffix(root, "/"))
	if below && (rel == "" || rel[0] == '/') && rel != "/.." && !strings.HasPrefix(rel, "/../") {
		return path.Clean("/" + rel), true
	}
	// A mount from outside the namespace begins above the process's cgroup, whose name there is not known from within.
	// What holds for the topmost holds for the process.
	ups := strings.Count(root, "/..")
	return "/", root == strings.Repeat("/..", ups) && ups > strings.Count(own, "/..")
}
