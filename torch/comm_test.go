package torch_test

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
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
	"sums":       sums,
	"gradients":  gradients,
	"until lost": untilLost,
	"other sizes": func(s *torch.Scope, c *torch.Comm) {
		before := s.Ones(3).Sum().Item()
		t := s.Full(1, 1000+1000*c.Rank())
		tell(caught(func() { c.Sum(t) }))
		tell(caught(func() { c.Sum(s.Ones(3)) })) // nothing goes any more
		tell(s.Ones(3).Sum().Item() == before)
	},
	"given up": func(s *torch.Scope, c *torch.Comm) {
		c.Sum(s.Ones(3))
		if c.Rank() == 0 {
			go c.Abort()
		}
		tell(caught(func() {
			for {
				c.Broadcast(s.Ones(3), 1-c.Rank()) // each waits for the other
			}
		}))
	},
	"benchmark": func(s *torch.Scope, c *torch.Comm) {
		t := s.Ones(6_400_000)
		c.Sum(t)
		rounds, begin := number("TEST_ROUNDS"), time.Now()
		for range rounds {
			c.Sum(t)
		}
		tell(time.Since(begin).Seconds() / float64(rounds))
	},
}

// A bucket of gradients, 25.6 MB, between two processes of this machine.
func BenchmarkSumOfABucket(b *testing.B) {
	ranks := processes(b, "benchmark", 2, fmt.Sprint("TEST_ROUNDS=", b.N))
	b.ReportMetric(slices.Max(told[float64](b, ranks))*1e9, "ns/op")
	ended(b, ranks)
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
	wide := s.Child(torch.Of(torch.Float64))
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

func untilLost(s *torch.Scope, c *torch.Comm) {
	c.Sum(s.Ones(3))
	tell("all are there")
	tell(caught(func() {
		for {
			c.Sum(s.Ones(100_000))
		}
	}))
	_, _ = io.Copy(io.Discard, os.Stdin) // its end must not be what tells the others
}

// A rank that is killed ends the others with the peer's error, at once and not by the time-out; also those which it never
// sends to.
func TestAKilledRankIsLost(t *testing.T) {
	for _, size := range []int{2, 4} {
		ranks := processes(t, "until lost", size, "TEST_TIMEOUT=1h")
		told[string](t, ranks)
		require.NoError(t, ranks[1].cmd.Process.Kill())
		assert.Error(t, ranks[1].cmd.Wait())
		left := slices.Concat(ranks[:1], ranks[2:])
		for _, f := range told[failure](t, left) {
			assert.Equal(t, torch.PeerLost, f.Code, f.Text)
		}
		ended(t, left)
	}
}

// A rank that stops ends the others by the time-out.
func TestAStoppedRankIsLost(t *testing.T) {
	ranks := processes(t, "until lost", 2, "TEST_TIMEOUT=1s")
	told[string](t, ranks)
	require.NoError(t, ranks[1].cmd.Process.Signal(syscall.SIGSTOP))
	var f failure
	ranks[0].say(t, &f)
	assert.Equal(t, torch.PeerLost, f.Code)
	assert.Contains(t, f.Text, "Timed out waiting 1000ms")
}

// Ranks that do not ask for the same get the time-out's error, and their memory stays whole.
func TestOtherSizesAreNotMixed(t *testing.T) {
	ranks := processes(t, "other sizes", 2, "TEST_TIMEOUT=1s")
	for range 2 {
		for _, f := range told[failure](t, ranks) {
			assert.Equal(t, torch.PeerLost, f.Code, f.Text)
		}
	}
	assert.Equal(t, []bool{true, true}, told[bool](t, ranks))
	ended(t, ranks)
}

// Abort ends the waits of all ranks, whatever the time-out.
func TestAWorldIsGivenUp(t *testing.T) {
	ranks := processes(t, "given up", 2, "TEST_TIMEOUT=1h")
	for r, f := range told[failure](t, ranks) {
		assert.Equal(t, torch.PeerLost, f.Code, "rank %d: %s", r, f.Text)
	}
	ended(t, ranks)
}

// Gloo is the system's although libtorch has another, whose symbols are there for every library once CUDA's is open.
func TestGlooIsNotLibtorchs(t *testing.T) {
	needGloo(t)
	if _, err := os.Stat(filepath.Join(libraries(t), "libgotorch_cuda.so")); err != nil {
		t.Skip("libgotorch_cuda.so was not built here: CUDA's headers or libraries are missing")
	}
	dir := t.TempDir()
	library(t, dir, "libcuda.so.1", driver(0, 13000, 1))
	ranks := processes(t, "sums", 2, "LD_LIBRARY_PATH="+dir)
	for _, got := range told[summed](t, ranks) {
		assert.Equal(t, []float64{3, 1 + math.Pow(2, 40), -.5}, got.Exact)
	}
	ended(t, ranks)
}

// The loader makes one of all unique symbols of a name in a process, whatever the scopes: the two gloos must share none.
func TestTheTwoGloosShareNoUniqueSymbol(t *testing.T) {
	needGloo(t)
	require.NotNil(t, alone())
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	owners := map[string][]string{}
	seen := map[string]bool{}
	for _, path := range regexp.MustCompile(`/.*/lib(?:gotorch_gloo|gloo|torch_cpu)\.so\S*`).FindAllString(string(maps), -1) {
		if seen[path] {
			continue
		}
		seen[path] = true
		f, err := elf.Open(path)
		require.NoError(t, err)
		symbols, err := f.DynamicSymbols()
		require.NoError(t, err)
		for _, s := range symbols {
			if elf.ST_BIND(s.Info) == elf.STB_LOOS && strings.Contains(s.Name, "4gloo") { // STB_GNU_UNIQUE
				owners[s.Name] = append(owners[s.Name], path)
			}
		}
		require.NoError(t, f.Close())
	}
	assert.Len(t, seen, 3, "libgotorch_gloo.so, the system's gloo and libtorch's")
	for name, paths := range owners {
		assert.Len(t, paths, 1, name)
	}
}

// meeting is a torch.Rendezvous of one process.
type meeting struct {
	values map[string][]byte
	local  netip.Addr
}

func (m meeting) Set(key string, value []byte) error { m.values[key] = value; return nil }
func (m meeting) Get(key string) ([]byte, error) {
	if v, ok := m.values[key]; ok {
		return v, nil
	}
	return nil, errors.New("nobody came")
}
func newMeeting() meeting {
	return meeting{map[string][]byte{}, netip.MustParseAddr("127.0.0.1")}
}

func (m meeting) Local() netip.Addr { return m.local }

// A world of one needs no other, and what cannot be is said in a line.
func TestNewCommSaysWhatCannotBe(t *testing.T) {
	try := func(backend string, dev torch.Device, rank, size int, m meeting, timeout time.Duration) string {
		m.values = map[string][]byte{}
		c, err := torch.NewComm(backend, dev, rank, size, m, timeout)
		if err == nil {
			c.Close()
			c.Close()
			assert.ErrorContains(t, c.Check(), "closed before")
		}
		return fmt.Sprint(err)
	}
	gpu := torch.Device{CUDA: true}
	at := newMeeting()
	if _, err := os.Stat(filepath.Join(libraries(t), "libgotorch_gloo.so")); err == nil {
		assert.Equal(t, "<nil>", try("gloo", torch.CPU, 0, 1, at, time.Second))
	}
	assert.Equal(t, "torch: comm: rank 0 waits for rank 1: nobody came", try("gloo", torch.CPU, 0, 2, at, time.Second))
	assert.Equal(t, `torch: comm: rank 0 has no address: "": name one in MASTER_ADDR that all ranks reach`,
		try("gloo", torch.CPU, 0, 1, meeting{}, time.Second))
	for _, text := range []string{try("gloo", gpu, 0, 1, at, time.Second), try("nccl", torch.CPU, 0, 1, at, time.Second), try("mpi", torch.CPU, 0, 1, at, time.Second)} {
		assert.Contains(t, text, "use gloo on the CPU or nccl on a CUDA device")
	}
	assert.Contains(t, try("gloo", torch.CPU, 0, 1<<40, at, time.Second), "65536 ranks at most")
	assert.Contains(t, try("gloo", torch.CPU, 2, 2, at, time.Second), "rank 2 of 2")
	assert.Contains(t, try("gloo", torch.CPU, 0, 1, at, 0), "0s to wait")
	if n, _ := torch.OpenCUDA(); n == 0 {
		assert.Contains(t, try("nccl", gpu, 0, 1, at, time.Second), "torch: cuda: ")
	}
}

// A rank that told its address and is gone before it was reached is lost, and one that told something else is named.
func TestARankThatIsNotThereIsLost(t *testing.T) {
	needGloo(t)
	other, word, err := torch.NewCommAlone("gloo", "127.0.0.1", torch.CPU, 1, 2, time.Second)
	require.NoError(t, err)
	other.Close()
	joined := func(word []byte) error {
		m := newMeeting()
		m.values["comm/host/1"], m.values["comm/word/1"] = []byte("127.0.0.1"), word
		_, err := torch.NewComm("gloo", torch.CPU, 0, 2, m, 100*time.Millisecond)
		return err
	}
	var e *torch.Error
	require.ErrorAs(t, joined(word), &e)
	assert.Equal(t, torch.PeerLost, e.Code, e.Msg)
	assert.ErrorContains(t, joined([]byte("hello")), "the addresses of rank 1 are of another gloo")
}

// Where gloo is not, the sentence says what to install; all else works.
func TestAWorldWithoutGloo(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(libraries(t), "libgotorch.so"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "libgotorch.so"), text, 0o755))
	said := child(t, "no gloo", dir, "FORGER_LIB="+dir)
	assert.Contains(t, said, "torch: comm: gloo: ")
	assert.Contains(t, said, "libgotorch_gloo.so: cannot open shared object file")
	assert.Contains(t, said, "sudo apt-get install libgloo-dev")
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

// The address that others reach is the one on the way to the meeting, unless that is the loopback's and others are elsewhere.
func TestTheAddressThatOthersReach(t *testing.T) {
	two := func(own, other string) (string, error) {
		m := meeting{map[string][]byte{"comm/host/1": []byte(other)}, netip.MustParseAddr(own)}
		return torch.HostAmong(m, 0, 2)
	}
	host, err := two("::1", "127.0.0.1")
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", host, "one machine")
	host, err = two("::ffff:10.0.0.7", "127.0.0.1")
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.7", host)
	_, err = two("127.0.0.1", "nowhere")
	assert.ErrorContains(t, err, `rank 1 has no address: "nowhere"`)

	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() {
			host, err = two("127.0.0.1", prefix.Addr().String())
			require.NoError(t, err)
			assert.Equal(t, prefix.Addr().String(), host, "the way to oneself")
			return
		}
	}
	t.Skip("NOT TESTED: this machine has the loopback's address alone")
}

// openNCCL drives NCCL until it needs a device: the library, its version, and what rank 0 gives the others.
func openNCCL() string {
	_, _ = torch.OpenCUDA() // a stand-in's, which fails once the CUDA library is open
	c, word, err := torch.NewCommAlone("nccl", "", torch.Device{CUDA: true}, 0, 1, time.Second)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return fmt.Sprint(len(word), " bytes, ", slices.Max(word) > 0, ", ", c.Check())
}

// NCCL is opened by its name, of the wheels or the system's, and gives an id; nobody has joined.
func TestNCCLOpens(t *testing.T) {
	if _, err := os.Stat(filepath.Join(libraries(t), "libgotorch_cuda.so")); err != nil {
		t.Skip("NOT TESTED: libgotorch_cuda.so was not built here: CUDA's headers or libraries are missing")
	}
	if n, _ := torch.OpenCUDA(); n > 0 {
		t.Skip("this machine has a CUDA device: TestNCCLInACapturedStep has it")
	}
	dir := t.TempDir()
	library(t, dir, "libcuda.so.1", driver(0, 13000, 1))
	said := child(t, "nccl", dir, "FORGER_LIB="+libraries(t), "LD_LIBRARY_PATH="+dir)
	assert.Equal(t, "128 bytes, true, torch: comm.check: it was given up, or never joined", said)
}

// On a device, a world of one in a captured step gives the bits that no world gives.
func TestNCCLInACapturedStep(t *testing.T) {
	s := cuda(t)
	c, err := torch.NewComm("nccl", torch.Device{CUDA: true}, 0, 1, newMeeting(), time.Minute)
	require.NoError(t, err)
	defer c.Close()
	x, w := s.Randn(s.NewGenerator(1), 64), s.Randn(s.NewGenerator(2), 64).RequireGrad()
	out := s.Zeros(64)
	body := func(joined bool) func() {
		return func() {
			in := s.Child()
			defer in.Close()
			y := in.Use(x).Mul(w)
			if joined {
				y = c.Total(y)
			}
			y.Pow(2).Sum().Backward(w)
			if joined {
				c.SumGradients([]torch.Tensor{w}, 1)
			}
			out.CopyFrom(in.Gradient(w))
			in.ZeroGrad([]torch.Tensor{w})
		}
	}
	body(false)()
	want := out.Doubles()
	body(true)()
	assert.Equal(t, want, out.Doubles(), "eager")
	g, err := s.Capture(body(true), nil)
	require.NoError(t, err)
	defer g.Free()
	out.Fill(0)
	g.Replay()
	assert.Equal(t, want, out.Doubles(), "replayed")
	bytes := s.FromBytes([]byte{1, 2}, torch.Uint8, 2)
	c.Broadcast(bytes, 0)
	assert.Equal(t, []byte{1, 2}, bytes.Bytes())
	assert.NoError(t, c.Check())
	c.Abort()
	var e *torch.Error
	require.ErrorAs(t, c.Check(), &e)
	assert.Equal(t, torch.PeerLost, e.Code)
}
