package gan

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"

	"github.com/stretchr/testify/require"
)

// newStepper builds the official training of a DCGAN in model, and seals it.
func newStepper(t testing.TB, model *torch.Scope, n Network, draw func(*torch.Scope, int) torch.Tensor) *stepper {
	t.Helper()
	gen, disc, err := Build(Builder{model, model.NewGenerator(1), model.NewGenerator(2)}, "dcgan", n)
	require.NoError(t, err)
	adam := torch.AdamOptions{LR: 2e-4, Beta1: .5, Beta2: .999, Eps: 1e-8}
	st := &stepper{
		gen: gen, disc: disc, loss: Objectives["nonsaturating"], draw: draw,
		optG: optim.NewAdam(model, nn.Parameters(gen), adam), optD: optim.NewAdam(model, nn.Parameters(disc), adam),
		meterD: model.FullOf(torch.Float64, 0, placesD+2), meterG: model.FullOf(torch.Float64, 0, placesG+2),
	}
	model.Seal()
	return st
}

// BenchmarkStep is the step at 64x64, width 64, batch 64, 3 channels, on the device that FORGER_BENCH_DEVICE names (the
// CPU where it names none). MiB is the peak of the process less what was resident before the networks were made; on
// CUDA, of the allocator. scripts/compare-step sets it beside PyTorch's.
func BenchmarkStep(b *testing.B) {
	name := os.Getenv("FORGER_BENCH_DEVICE")
	if name == "" {
		name = "cpu"
	}
	dev, _, err := OpenDevice(name)
	require.NoError(b, err)
	root, err := torch.NewScope(torch.On(dev), torch.Layout(torch.ChannelsLast))
	require.NoError(b, err)
	defer root.Close()
	root.Ones(1)
	require.NoError(b, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)) // the peak starts here
	base := residentMiB(b, "VmRSS")
	noise := root.NewGenerator(2)
	st := newStepper(b, root, Network{Size: 64, Channels: 3, Latent: 100, GenWidth: 64, DiscWidth: 64},
		func(s *torch.Scope, n int) torch.Tensor { return s.Randn(noise, n, 100, 1, 1) })
	pixels := make([]byte, 64*64*64*3)
	for i := range pixels {
		pixels[i] = byte(i * 7919)
	}
	step := func() {
		s := root.Child()
		st.step(s, []torch.Tensor{s.Images(pixels, 64, 64, 64, 3)})
		s.Close()
	}
	step()
	step()
	root.Synchronize()
	for b.Loop() {
		step()
	}
	root.Synchronize() // the steps are queued: the last of them counts too
	b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "images/s")
	peak := residentMiB(b, "VmHWM") - base
	if dev.CUDA {
		m, err := torch.CUDAMemory(dev.Index)
		require.NoError(b, err)
		peak = float64(m.Peak) / (1 << 20)
	}
	b.ReportMetric(peak, "MiB")
}

// residentMiB reads VmRSS (now) or VmHWM (the peak) of this process.
func residentMiB(t testing.TB, key string) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			require.NoError(t, err)
			return kib / 1024
		}
	}
	t.Fatalf("no %s in /proc/self/status", key)
	return 0
}
