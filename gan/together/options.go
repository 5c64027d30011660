// Package together joins the processes that train one run: where they meet, what they add up, and who of them is lost.
package together

import (
	"time"

	"forger/internal/setting"
)

// Options say how the ranks of a run work together.
type Options struct {
	Backend string
	Timeout string // of a rank that says nothing
}

var backends = []string{"auto", "nccl", "gloo"}

// Settings are the options as a user sets them.
func (o *Options) Settings() setting.Set {
	const once = setting.Once | setting.Resume
	return setting.Set{
		{Name: "backend", Help: "what the ranks of a run add up by: auto (nccl on CUDA, gloo on the CPU), nccl, gloo", Value: &o.Backend, Default: "auto",
			Check: setting.OneOf(backends...), Marks: once},
		{Name: "rank-timeout", Help: "how long a rank waits for the others before they are lost to it; longer than an evaluation takes", Value: &o.Timeout,
			Default: "5m", Check: isDuration, Marks: once},
	}
}

func isDuration(r setting.Row) error {
	if d, err := time.ParseDuration(r.Get().(string)); err != nil || d < time.Second {
		return setting.Usagef("--%s %s: no time of a second or more: write it as 90s, 5m or 1h", r.Name, r.Get())
	}
	return nil
}

// timeout is what Check has read before.
func (o Options) timeout() time.Duration {
	d, err := time.ParseDuration(o.Timeout)
	if err != nil {
		panic(err)
	}
	return d
}
