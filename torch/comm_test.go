package torch_test

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"forger/torch"
	"forger/torch/nn"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deeds is what a rank of a test's world can do.
var deeds = map[string]func(s *torch.Scope, c *torch.Comm){
	"sums":             sums,
	"gradients":        gradients,
	"until lost":       untilLost,
	"lost in backward": lostInBackward,
	"other sizes":      otherSizes,
	"given up":         givenUp,
	"benchmark":        bucket,
}

// failure is what a call of a rank's came to.
type failure struct {
	Code torch.Code
	Text string
}

func caught(f func()) failure {
	var err error
	func() {
		defer torch.Catch(&err)
		f()
	}()
	var e *torch.Error
	if !errors.As(err, &e) {
		return failure{Text: fmt.Sprint(err)}
	}
	return failure{e.Code, e.Error()}
}

// summed is what a rank has of the sums.
type summed struct {
	Exact, Turned, Of2, None []float64
	Ints                     []int64
	Bits                     []byte
	Copied, CopiedFloats     []byte
}

func sums(s *torch.Scope, c *torch.Comm) {
	r := float64(c.Rank())
	var got summed
	exact := s.FromDoubles([]float64{r + 1, math.Pow(2, 40*r), -.25}, 3)
	c.Sum(exact)
	got.Exact = exact.Doubles()

	turned := s.FromDoubles([]float64{1, 2, 3, 4, 5, 6 + r}, 2, 3)
	if c.Rank() == 0 { // as its numbers are, in another order in memory
		turned = s.FromDoubles([]float64{1, 4, 2, 5, 3, 6}, 3, 2).Permute(1, 0)
	}
	c.Sum(turned)
	got.Turned = turned.Doubles()

	leaf := s.FromDoubles([]float64{r, 1}, 2).RequireGrad()
	c.Sum(leaf)
	got.Of2 = leaf.Doubles()

	none := s.Zeros(0)
	c.Sum(none)
	got.None = none.Doubles()

	ints := s.FromInts([]int64{1<<40 + int64(c.Rank()), -1}, 2)
	c.Sum(ints)
	got.Ints = ints.Ints()

	numbers := torchtest.Fill(c.Rank(), 700_001) // several parts of a rank's, and no multiple of any number of ranks
	bits := s.FromDoubles(numbers, len(numbers)).To(torch.Float32)
	c.Sum(bits)
	got.Bits = bits.Bytes()

	copied := s.FromBytes([]byte{byte(c.Rank()), 7, byte(100 + c.Rank())}, torch.Uint8, 3)
	c.Broadcast(copied, 1)
	got.Copied = copied.Bytes()
	floats := s.Full(r, 2, 2)
	c.Broadcast(floats, c.Size()-1)
	got.CopiedFloats = floats.Bytes()
	tell(got)
}

// Sums and copies are exact, of any order in memory, and to the bit the same on all ranks.
func TestSumsOverProcesses(t *testing.T) {
	for _, size := range []int{2, 4} {
		ranks := processes(t, "sums", size)
		all := told[summed](t, ranks)
		n := float64(size)
		exact, ints := []float64{n * (n + 1) / 2, 0, -.25 * n}, []int64{0, -int64(size)}
		for r := range size {
			exact[1] += math.Pow(2, 40*float64(r))
			ints[0] += 1<<40 + int64(r)
		}
		want := make([]float64, 700_001)
		for r := range size {
			for i, v := range torchtest.Fill(r, len(want)) {
				want[i] += float64(float32(v))
			}
		}
		for r, got := range all {
			assert.Equal(t, exact, got.Exact, r)
			assert.Equal(t, []float64{n, 2 * n, 3 * n, 4 * n, 5 * n, 6*n + n*(n-1)/2}, got.Turned, r)
			assert.Equal(t, []float64{n * (n - 1) / 2, n}, got.Of2, r)
			assert.Empty(t, got.None, r)
			assert.Equal(t, ints, got.Ints, r)
			assert.Equal(t, []byte{1, 7, 101}, got.Copied, r)
			assert.Equal(t, all[size-1].CopiedFloats, got.CopiedFloats, r)
			require.True(t, string(all[0].Bits) == string(got.Bits), "other bits on rank %d", r)
		}
		torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
			got := s.FromBytes(all[0].Bits, torch.Float32, len(want)).Doubles()
			torchtest.Close(t, want, got, 0, 1e-6, "sums in float32")
			last := s.FromBytes(all[0].CopiedFloats, torch.Float32, 4).Doubles()
			assert.Equal(t, []float64{n - 1, n - 1, n - 1, n - 1}, last)
		})
		ended(t, ranks)
	}
}

// derived is what a rank has of scripts/ddp.py's numbers.
type derived struct {
	Gradients [][]float64
	Totals    [][]float64 // a total, its gradient, the gradient of that
}

func gradients(s *torch.Scope, c *torch.Comm) {
	fill := func(stream int, shape ...int) torch.Tensor {
		return s.FromDoubles(torchtest.Fill(stream, torchtest.Count(shape)), shape...)
	}
	g := s.NewGenerator(1)
	wide := s.Child(torch.Of(torch.Float64), torch.Layout([]torch.Format{torch.Contiguous, torch.ChannelsLast}[c.Rank()]))
	net := nn.Sequential{nn.NewConv2d(wide, g, 2, 3, 3, nn.ConvOptions{Padding: 1}), nn.Tanh(), nn.Reshape{-1, 48}, nn.NewLinear(wide, g, 48, 1, false)}
	params := nn.Parameters(net)
	without := s.Ones(2).RequireGrad() // which has no gradient on any rank
	for i, p := range params {
		p.CopyFrom(fill(i, p.Shape()...))
	}
	net.Forward(fill(100+c.Rank(), 4, 2, 4, 4)).Pow(2).Mean().Backward(params...)
	if err := s.Rehearse(func() { c.SumGradients(append([]torch.Tensor{without}, params...), 1/float64(c.Size())) }); err != nil {
		panic(err)
	}
	var got derived
	for _, p := range params {
		got.Gradients = append(got.Gradients, s.Gradient(p).Doubles())
	}

	x := fill(200+c.Rank(), 5).RequireGrad()
	w, v := fill(210+c.Rank(), 5), fill(220+c.Rank(), 5)
	y := c.Total(x.Mul(x))
	first := torch.Grad(w.Mul(y.Pow(3)).Sum(), true, x)[0]
	second := torch.Grad(v.Mul(first).Sum(), false, x)[0]
	got.Totals = [][]float64{y.Doubles(), first.Doubles(), second.Doubles()}
	tell(got)
}

// Gradients are DistributedDataParallel's, and the derivatives of a total those of torch.distributed.nn.functional.all_reduce.
func TestGradientsAsDistributedDataParallel(t *testing.T) {
	python := torchtest.Python(t)
	ranks := processes(t, "gradients", 2)
	all := told[derived](t, ranks)
	script, meet := filepath.Join(torchtest.Root(t), "scripts", "ddp.py"), filepath.Join(t.TempDir(), "meet")
	var want struct {
		Gradients [][]float64
		Totals    [][][]float64
	}
	torchtest.JSON(t, &want, python, script, "2", meet)
	for r, got := range all {
		require.Len(t, got.Gradients, len(want.Gradients))
		for i := range want.Gradients {
			torchtest.Close(t, want.Gradients[i], got.Gradients[i], 1e-12, 1e-12, fmt.Sprint("gradient ", i, " on rank ", r))
		}
		for i, what := range []string{"total", "gradient", "second gradient"} {
			torchtest.Close(t, want.Totals[r][i], got.Totals[i], 1e-12, 1e-12, fmt.Sprint(what, " on rank ", r))
		}
	}
	ended(t, ranks)
}

// Comm's calls on what is not there are named.
func TestCommsMisuseIsNamed(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		var none *torch.Comm
		x := s.Ones(2).RequireGrad()
		x.Sum().Backward(x)
		for _, f := range []func(c *torch.Comm){
			func(c *torch.Comm) { c.Sum(x) }, func(c *torch.Comm) { c.Total(x) },
			func(c *torch.Comm) { c.SumGradients([]torch.Tensor{x}, 1) },
		} {
			assert.Equal(t, torch.NotInitialised, torchtest.Error(t, func() { f(none) }).Code)
		}
		needGloo(t)
		c, err := torch.NewComm("gloo", torch.CPU, 0, 1, newMeeting(), time.Second)
		require.NoError(t, err)
		defer c.Close()
		assert.Contains(t, torchtest.Error(t, func() { c.Broadcast(x, 1) }).Error(), "there is no rank 1 of 1")
		assert.Contains(t, torchtest.Error(t, func() { c.Sum(s.FullOf(torch.Bool, 1, 2)) }).Error(), "gloo sums float32, float64, int64 and int32 alone")
		wide := s.FullOf(torch.Float64, 1, 2).RequireGrad()
		wide.Sum().Backward(wide)
		assert.Contains(t, torchtest.Error(t, func() { c.SumGradients([]torch.Tensor{x, wide}, 1) }).Error(), "one dtype on one device")
	})
}
