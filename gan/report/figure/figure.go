// Package figure is what the figures of a run's lines are called: in metrics.jsonl, and in the groups that TensorBoard and
// charts show them in.
package figure

import "strings"

// Figure is a field of metrics.jsonl.
type Figure struct {
	Name  string // there
	Group string // figures of a group share a chart; "": it tells where the others stand
	Short string // its name in the group
	Doc   string
}

// Table lists the figures that have a name of their own.
var Table = []Figure{
	{"step", "", "step", "generator updates done"},
	{"images", "progress", "images", "real images shown"},
	{"epoch", "progress", "epoch", "passes over the data, with the part of the present one"},
	{"seconds", "progress", "seconds", "trained since the start, by every process that did"},
	{"d_real", "score", "real", "D(x), before the discriminator's update: a probability for minimax and nonsaturating, else the raw score"},
	{"d_fake", "score", "fake", "D(G(z)), likewise"},
	{"diversity", "samples", "diversity", "how far apart samples are, as a share of how far real images are"},
	{"images_per_second", "speed", "images_per_second", "real images shown a second since the last line"},
	{"data_wait", "speed", "data_wait", "share of the time since the last line that the step waited for data"},
	{"host_mib", "memory", "host", "memory of the process, in MiB"},
	{"device_mib", "memory", "device", "what tensors take on the CUDA device, in MiB; absent on the CPU"},
}

// families are beginnings of names that make a group.
var families = []struct{ prefix, group string }{{"loss_", "loss"}, {"eval_", "eval"}}

// Of is the figure of a name. One that nothing is known of is the method's own.
func Of(name string) Figure {
	for _, f := range Table {
		if f.Name == name {
			return f
		}
	}
	for _, f := range families {
		if short, ok := strings.CutPrefix(name, f.prefix); ok && short != "" {
			return Figure{Name: name, Group: f.group, Short: short}
		}
	}
	return Figure{Name: name, Group: "method", Short: name}
}

// Tag is the figure's name in TensorBoard: "loss/d".
func (f Figure) Tag() string { return f.Group + "/" + f.Short }
