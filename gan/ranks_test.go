package gan

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"forger/gan/gantest"
	"forger/gan/report"
	"forger/internal/rank"
	"forger/internal/setting"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// freePort is one that nobody listens at.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// rankEnd is what became of a rank.
type rankEnd struct {
	res  report.Result
	err  error
	told gantest.Recorder
}

// asRanks trains as so many ranks, goroutines that stand for processes; change has a rank's own way with what all are given.
func asRanks(t *testing.T, size int, c Config, change func(rank int, c *Config, told *gantest.Recorder) context.Context) []rankEnd {
	t.Helper()
	port, ends := freePort(t), make([]rankEnd, size)
	var all sync.WaitGroup
	for r := range size {
		mine := c
		mine.World = rank.World{Rank: r, Size: size, LocalRank: r, LocalSize: size, Host: "127.0.0.1", Port: port, Launcher: "a test"}
		ctx := t.Context()
		if change != nil {
			ctx = change(r, &mine, &ends[r].told)
		}
		all.Go(func() {
			runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
			ends[r].res, ends[r].err = Train(ctx, mine, &ends[r].told)
		})
	}
	all.Wait()
	return ends
}

func manyConfig(t *testing.T) Config {
	c := tinyConfig(t)
	c.Run.Device, c.Run.Threads, c.Method.SyncBN = "cpu", 1, true
	c.Method.EMA = .9
	return c
}

// floats are a tensor's as gantest.State has it.
func floats(t *testing.T, value any) (all []float64) {
	t.Helper()
	text, ok := value.(string)
	require.True(t, ok)
	for i := 0; i < len(text); i += 4 {
		all = append(all, float64(math.Float32frombits(binary.LittleEndian.Uint32([]byte(text[i:i+4])))))
	}
	return all
}

// Two ranks leave what one leaves: the same lines, streams that stand where its stand, and weights that differ by rounding; rank 0
// alone writes and tells. And a run goes on to the bit with as many ranks, and with another number of them.
func TestTwoRanksLeaveWhatOneLeaves(t *testing.T) {
	c := manyConfig(t)
	one, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	alone := gantest.LeftBy(t, one)
	c.Run.Out = filepath.Join(t.TempDir(), "two")
	ends := asRanks(t, 2, c, nil)
	require.NoError(t, errors.Join(ends[0].err, ends[1].err))
	assert.Empty(t, ends[1].told.Lines)
	assert.Empty(t, ends[1].told.Start)
	two := gantest.LeftBy(t, ends[0].res)
	require.Len(t, two.Metrics, len(alone.Metrics))
	for i, line := range ends[0].told.Lines {
		assert.EqualValues(t, 4*(i+1), line.Step)
	}
	exact, close := 0, 0
	for key, value := range alone.State {
		require.Contains(t, two.State, key)
		switch {
		case strings.HasPrefix(key, ".rng.") || strings.HasPrefix(key, ".data.") || key == ".step" || key == ".images":
			assert.Equal(t, value, two.State[key], key)
			exact++
		case strings.HasPrefix(key, ".generator.") && strings.HasSuffix(key, "weight"):
			torchtest.Close(t, floats(t, value), floats(t, two.State[key]), 1e-3, 1e-4, key)
			close++
		}
	}
	assert.Equal(t, []int{10, 5}, []int{exact, close})

	parted := c
	parted.Run.Out, parted.Run.Steps = filepath.Join(t.TempDir(), "parted"), 6
	ends = asRanks(t, 2, parted, nil)
	require.NoError(t, errors.Join(ends[0].err, ends[1].err))
	again := DefaultConfig()
	again.Run.Resume, again.Run.Steps = parted.Run.Out, 12
	again.Given = setting.Given{"resume": "--resume", "steps": "--steps"}
	ends = asRanks(t, 2, again, nil)
	require.NoError(t, errors.Join(ends[0].err, ends[1].err))
	rest := gantest.LeftBy(t, ends[0].res)
	assert.Equal(t, two.Metrics, rest.Metrics)
	assert.Equal(t, two.State, rest.State)

	res, err := resume(t, parted.Run.Out, &gantest.Recorder{}, "steps", "18")
	require.NoError(t, err)
	assert.EqualValues(t, []int64{12, 18}, []int64{res.First, res.Step})
}

// A signal to one rank stops all after the same step, which is saved; so does one to each.
func TestOneRankStopsAll(t *testing.T) {
	for name, hit := range map[string][]int{"rank 0": {0}, "rank 1": {1}, "all": {0, 1, 2}} {
		t.Run(name, func(t *testing.T) {
			c := manyConfig(t)
			c.Run.Steps, c.Run.Batch, c.Method.SyncBN = 1<<20, 9, false
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ends := asRanks(t, 3, c, func(rank int, _ *Config, told *gantest.Recorder) context.Context {
				told.OnStep = func(step int64) {
					if step == 7 {
						stop()
					}
				}
				if slices.Contains(hit, rank) {
					return ctx
				}
				return t.Context()
			})
			require.NoError(t, errors.Join(ends[0].err, ends[1].err, ends[2].err))
			assert.True(t, ends[0].res.Stopped)
			assert.GreaterOrEqual(t, ends[0].res.Step, int64(7))
			assert.FileExists(t, ends[0].res.Checkpoint)
		})
	}
}

// A rank that cannot read an image ends all of them, and what was trained before is saved.
func TestARankThatFailsIsNamed(t *testing.T) {
	c := manyConfig(t)
	c.Run.Epochs, c.Run.Steps, c.Run.Seed = 1, 0, 3
	dir := gantest.Pictures(t, 64)
	c.Data.Spec = "folder:" + dir
	var once sync.Once
	ends := asRanks(t, 2, c, func(rank int, c *Config, told *gantest.Recorder) context.Context {
		told.OnStep = func(step int64) {
			once.Do(func() { // those that are not decoded yet
				pictures, err := filepath.Glob(filepath.Join(dir, "*.png"))
				require.NoError(t, err)
				for _, path := range pictures {
					require.NoError(t, os.WriteFile(path, []byte("no picture"), 0o644))
				}
			})
		}
		return t.Context()
	})
	for r, end := range ends {
		assert.ErrorContains(t, end.err, fmt.Sprintf("rank %d: ", r))
	}
	assert.ErrorContains(t, ends[0].err, "is saved in ")
	assert.ErrorContains(t, errors.Join(ends[0].err, ends[1].err), ".png")
}

func TestRanksWithOtherSettingsAreRefused(t *testing.T) {
	c := manyConfig(t)
	ends := asRanks(t, 2, c, func(rank int, c *Config, _ *gantest.Recorder) context.Context {
		c.Method.LR *= float64(1 + rank)
		return t.Context()
	})
	assert.EqualError(t, ends[1].err, "rank 1: --lr 0.0004: rank 0 has 0.0002: give all ranks the same")
	assert.ErrorContains(t, ends[0].err, "rank 0: rank 1 failed: --lr 0.0004")
	assert.NoFileExists(t, filepath.Join(c.Run.Out, "config.yaml"))
}

func TestWhatSeveralRanksHaveNot(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		"--verify-resume 2: it is of one process, and the launcher starts 2: start it without":              func(c *Config) { c.Run.VerifyResume = 2 },
		"--on-collapse rollback: a run of 2 ranks cannot be turned back: use stop, and go on with --resume": func(c *Config) { c.Run.Watch.OnCollapse = "rollback" },
	} {
		c := tinyConfig(t)
		c.World.Size = 2
		change(&c)
		_, err := Train(t.Context(), c, &gantest.Recorder{})
		var usage *setting.UsageError
		require.ErrorAs(t, err, &usage)
		assert.EqualError(t, err, want)
	}
}
