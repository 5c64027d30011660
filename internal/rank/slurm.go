package rank

import (
	"fmt"
	"strconv"
	"strings"
)

// stepOfSlurm tells whether srun started this process as one of several. The script of sbatch and the shell of salloc have a
// SLURM_PROCID too; their steps, where they have any, are numbered from 0xfffffffa on (SLURM_INTERACTIVE_STEP).
func (e env) stepOfSlurm() bool {
	step, err := strconv.ParseUint(e.get("SLURM_STEP_ID"), 10, 32)
	return err == nil && step < 0xfffffffa && e.has(e.tasks()) && e.get(e.tasks()) != "1"
}

// tasks is the variable of the step's size, by which a script of sbatch that exports SLURM_NTASKS does not mislead.
func (e env) tasks() string {
	if e.has("SLURM_STEP_NUM_TASKS") {
		return "SLURM_STEP_NUM_TASKS"
	}
	return "SLURM_NTASKS"
}

// slurm reads what srun sets: the store is at the step's first node, where rank 0 is by every distribution but arbitrary, and
// its port is of the job's number, as is the custom.
func (e env) slurm() (World, error) {
	w, err := e.place(names{launcher: "SLURM", rank: "SLURM_PROCID", size: e.tasks(), localRank: "SLURM_LOCALID", restarts: "SLURM_RESTART_COUNT"})
	if err != nil {
		return w, err
	}
	if w.LocalSize, err = e.tasksHere(); err != nil {
		return w, err
	}
	id, err := e.number("SLURM_JOB_ID", 0)
	if err != nil {
		return w, err
	}
	w.Job = fmt.Sprintf("%d.%s", id, e.get("SLURM_STEP_ID"))
	nodes := "SLURM_STEP_NODELIST"
	if !e.has(nodes) {
		nodes = "SLURM_JOB_NODELIST"
	}
	host, ok := firstHost(e.get(nodes))
	if !ok && e.has(nodes) && !e.has("MASTER_ADDR") {
		return w, fmt.Errorf("%s=%q is no list of hosts: set MASTER_ADDR to rank 0's host", nodes, e.get(nodes))
	}
	return e.meet(w, "MASTER_ADDR", "MASTER_PORT", host, 15000+id%20000)
}

// firstHost is the first of a list such as "gpu[01-03,07],login1" or "rack[1-2]node[01-16]".
func firstHost(list string) (host string, ok bool) {
	var b strings.Builder
	for rest := list; ; {
		at := strings.IndexAny(rest, "[,]")
		if at < 0 {
			b.WriteString(rest)
			return b.String(), b.Len() > 0
		}
		b.WriteString(rest[:at])
		if rest[at] != '[' {
			return b.String(), b.Len() > 0 && rest[at] == ','
		}
		inside, after, closed := strings.Cut(rest[at+1:], "]")
		first, _, _ := strings.Cut(inside, ",")
		first, _, _ = strings.Cut(first, "-")
		if _, err := strconv.ParseUint(first, 10, 64); err != nil || !closed {
			return "", false
		}
		b.WriteString(first)
		rest = after
	}
}

// tasksHere is how many ranks the step has on this node, by a list such as "4(x2),3": two nodes of four, one of three. 0 where
// SLURM does not say.
func (e env) tasksHere() (int, error) {
	name := "SLURM_STEP_TASKS_PER_NODE"
	if !e.has(name) {
		name = "SLURM_TASKS_PER_NODE"
	}
	if !e.has(name) || !e.has("SLURM_NODEID") {
		return 0, nil
	}
	node, err := e.number("SLURM_NODEID", 0)
	if err != nil {
		return 0, err
	}
	for part := range strings.SplitSeq(e.get(name), ",") {
		count, times, repeated := strings.Cut(strings.TrimSuffix(part, ")"), "(x")
		n, err := strconv.Atoi(count)
		nodes := 1
		if repeated && err == nil {
			nodes, err = strconv.Atoi(times)
		}
		if err != nil || n < 1 || nodes < 1 {
			return 0, fmt.Errorf("%s=%q is not as \"4(x2),3\": unset it", name, e.get(name))
		}
		if node -= nodes; node < 0 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("SLURM_NODEID=%s, and %s=%q has no such node: unset it", e.get("SLURM_NODEID"), name, e.get(name))
}
