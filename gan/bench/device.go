package bench

import (
	"slices"

	"forger/internal/machine"
	"forger/torch"
)

// memoryMiB reads how much memory is in use and how much was at most: of the process, on CUDA of the allocator.
func memoryMiB(dev torch.Device) (now, peak float64, err error) {
	if dev.CUDA {
		m, err := torch.CUDAMemory(dev.Index)
		return float64(m.Allocated) / (1 << 20), float64(m.Peak) / (1 << 20), err
	}
	used, most, err := machine.Resident()
	return float64(used) / (1 << 20), float64(most) / (1 << 20), err
}

// resetPeak makes the peak what is in use now.
func resetPeak(dev torch.Device) error {
	if dev.CUDA {
		return torch.ResetPeak(dev.Index)
	}
	return machine.ResetResident()
}

// deviceRates are what the device reaches: operations a second of a large matrix product in the run's precision, and
// bytes a second of a copy, on CUDA of 4 GiB. Each is the median of several.
func deviceRates(root *torch.Scope) (flops, bytes float64) {
	side, numbers := 1536, 1<<25
	if root.Device().CUDA {
		side, numbers = 8192, 1<<30
	}
	const rounds = 7
	s := root.Child(torch.NoGrad)
	defer s.Close()
	a, b := factors(s, side)
	flops = 2 * float64(side) * float64(side) * float64(side) / medianSeconds(s, rounds, func(c *torch.Scope) { c.Use(a).MatMul(c.Use(b)) })
	x, y := s.Ones(numbers), s.Ones(numbers)
	bytes = 2 * 4 * float64(numbers) / medianSeconds(s, rounds, func(*torch.Scope) { y.CopyFrom(x) })
	return flops, bytes
}

// factors are matrices of random numbers: a GPU multiplies constant ones faster, since fewer of its transistors switch.
func factors(s *torch.Scope, side int) (a, b torch.Tensor) {
	g := s.NewGenerator(1)
	return s.Randn(g, side, side), s.Randn(g, side, side)
}

// medianSeconds times f on the device after a first, untimed call.
func medianSeconds(s *torch.Scope, rounds int, f func(c *torch.Scope)) float64 {
	var times []float64
	for i := range rounds + 1 {
		c := s.Child()
		from := c.Event()
		f(c)
		to := c.Event()
		if i > 0 {
			times = append(times, from.Milliseconds(to)/1000)
		}
		from.Free()
		to.Free()
		c.Close()
	}
	return median(times)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
