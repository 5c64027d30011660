package method

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"forger/data"
	"forger/gan/model"
	"forger/torch"

	"github.com/stretchr/testify/require"
)

// BenchmarkStepsBesideThePlain is the processor's time of a DCGAN's step, batch 64, with labels and with augmentation, as so many
// times that of the plain step: medians of steps taken in turn in one process, by one thread, so that what else runs on the machine
// meets them alike.
func BenchmarkStepsBesideThePlain(b *testing.B) {
	for _, size := range []int{32, 64} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ways := map[string]func(*Options){
				"plain": func(*Options) {}, "projection": func(o *Options) { o.Model.Conditional = "projection" },
				"augment": func(o *Options) { o.Augment = "color,translation,cutout" },
			}
			root, err := torch.NewScope(torch.Threads(1), torch.Layout(torch.ChannelsLast), torch.Convolutions(torch.BestConv(), true))
			require.NoError(b, err)
			defer root.Close()
			steps := map[string]func(){}
			for name, change := range ways {
				steps[name] = stepOf(b, root.Child(), size, change)
			}
			times := map[string][]float64{}
			for b.Loop() {
				for name, step := range steps {
					before := processorTime(b)
					step()
					times[name] = append(times[name], processorTime(b)-before)
				}
			}
			for name, all := range times {
				var ratios []float64
				for i, ms := range all {
					ratios = append(ratios, ms/times["plain"][i])
				}
				b.ReportMetric(middle(ratios), name+"/plain")
				b.ReportMetric(middle(all), name+"-ms")
			}
		})
	}
}

// stepOf is a step of a DCGAN on images of noise, of ten classes.
func stepOf(b *testing.B, s *torch.Scope, size int, change func(*Options)) func() {
	var o Options
	o.Settings().Reset()
	o.Model = model.Options{Name: "dcgan", Latent: 100, GenWidth: 64, DiscWidth: 64, Conditional: "none"}
	change(&o)
	const batch = 64
	g := s.NewGenerator(2)
	x := s.Randn(g, batch, 3, size, size).ToFormat(s.Format())
	labels := s.Rand(g, batch).MulScalar(10).To(torch.Int64)
	gan := build(b, s, o, data.Shape{Height: size, Width: size, Channels: 3, Classes: 10}, batch)
	return func() {
		c := s.Child()
		defer c.Close()
		gan.Step(c, []Batch{{X: x, Labels: labels}}, 0)
	}
}

// processorTime is what this process has taken of it, in ms.
func processorTime(b *testing.B) float64 {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	ms := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e3 + float64(t.Usec)/1e3 }
	return ms(u.Utime) + ms(u.Stime)
}

func middle(of []float64) float64 {
	of = slices.Sorted(slices.Values(of))
	return of[len(of)/2]
}
