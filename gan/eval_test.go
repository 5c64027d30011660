package gan

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/gan/gantest"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func asked() EvalOptions {
	o := EvalOptions{N: 80, Device: "cpu", Tell: func(string) {}}
	o.Measures.Settings().Reset()
	o.Measures.Permutations = 19
	return o
}

func writeSample(t *testing.T, stream, n, d int, scale float64) string {
	t.Helper()
	values := torchtest.Fill(stream, n*d)
	for i := range values {
		values[i] *= scale
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, writeFloats(path, []int{n, d}, values))
	return path
}

// Two files of points are compared as the measures compare their numbers, whatever order they are read in.
func TestEvalOfPoints(t *testing.T) {
	a, b := writeSample(t, 1, 80, 3, 1), writeSample(t, 2, 60, 3, 1.2)
	o := asked()
	o.Images, o.Against, o.Metrics, o.Measures.Bins = "npy:"+b, "npy:"+a, []string{"t", "fid", "kl", "energy", "modes"}, 5
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	_, x, err := data.ReadNPY[float32](a)
	require.NoError(t, err)
	_, y, err := data.ReadNPY[float32](b)
	require.NoError(t, err)
	mean := func(of []float32) (sum float64) {
		for _, v := range of {
			sum += float64(v) / float64(len(of))
		}
		return sum
	}
	assert.Greater(t, e.Metrics["fid"].Value, math.Pow(mean(x)-mean(y), 2))
	p, ok := e.Metrics["energy"].Figure("p")
	assert.True(t, ok && p >= .05, "one of twenty at least")
	assert.Equal(t, "the modes of the real distribution are not known", e.Metrics["modes"].Note)
	assert.Equal(t, Protocol{
		Features: "points, 3 numbers", Real: "npy:" + a, Contents: e.Protocol.Contents, Generated: "npy:" + b, NReal: 80, N: 60, Shape: "3 numbers",
		Decoder: e.Protocol.Decoder, Bins: 5, Permuted: 19, Alpha: .05, Program: e.Protocol.Program, Libtorch: e.Protocol.Libtorch,
	}, e.Protocol)
	again, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, asJSON(t, e), asJSON(t, again))
}

func asJSON(t *testing.T, e Evaluation) string {
	t.Helper()
	text, err := json.Marshal(e)
	require.NoError(t, err)
	return string(text)
}

// Half of a set against the other half is the floor: near 0, and far below what another set has.
func TestEvalOfTheDataItself(t *testing.T) {
	o := asked()
	o.Self, o.Against, o.Size, o.N = true, "glyphs", vision.Square(16), 300
	floor, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, imageMetrics, floor.Names)
	assert.Equal(t, []int{300, 300}, []int{floor.Protocol.NReal, floor.Protocol.N})
	o.Self, o.Images = false, "npy:"+noisyImages(t, 300)
	other, err := Eval(t.Context(), o)
	require.NoError(t, err)
	for _, name := range []string{"fid", "kid", "swd"} {
		assert.Greater(t, other.Metrics[name].Value, 5*math.Abs(floor.Metrics[name].Value), name)
	}
	coverage, ok := floor.Metrics["prdc"].Figure("coverage")
	assert.True(t, ok && coverage > .8)
	below, ok := other.Metrics["prdc"].Figure("floor_recall")
	assert.True(t, ok && below > .5, "recall of real data stands beside it: %v", below)
}

// noisyImages is a file of n gray images of 16x16 without any sense.
func noisyImages(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "noise.npy")
	require.NoError(t, writeFloats(path, []int{n, 1, 16, 16}, torchtest.Fill(5, n*256)))
	return path
}

// A checkpoint is judged by what it draws, against the data that it was trained on where no other is named, and every
// number is the same when it is asked for again.
func TestEvalOfACheckpoint(t *testing.T) {
	c := tinyConfig(t)
	c.Method.EMA = .9
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	o := asked()
	o.Checkpoint, o.Metrics, o.Features = res.Checkpoint, []string{"fid", "js"}, "pixels"
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []string{"glyphs", res.Checkpoint, "16x16x1 (height, width, channels)"}, []string{e.Protocol.Real, e.Protocol.Generated, e.Protocol.Shape})
	again, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, e, again)
	o.Average = true
	average, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.NotEqual(t, e.Metrics["fid"].Value, average.Metrics["fid"].Value)
	o.Average, o.Seed = false, 1
	other, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.NotEqual(t, e.Metrics["fid"].Value, other.Metrics["fid"].Value)
}

// A classifier learns the labels once, and is taken from the cache then; it tells real digits apart.
func TestAClassifiersFeatures(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	labelled := filepath.Join(t.TempDir(), "digits.npy")
	ds, err := data.Open("glyphs", data.Options{Size: vision.Square(16), Seed: 3})
	require.NoError(t, err)
	require.NoError(t, data.Dump(t.Context(), ds, labelled, data.DumpOptions{N: 1500}))
	var told []string
	o := asked()
	o.Self, o.Against, o.N, o.Features, o.Metrics = true, "npy:"+labelled, 300, "classifier:npy:"+labelled, []string{"is", "stacked", "fid"}
	o.Tell = func(text string) { told = append(told, text) }
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, told, 2)
	again, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Len(t, told, 2, "it was learnt once")
	assert.Equal(t, e, again)
	assert.InDelta(t, 10, e.Metrics["stacked"].Value, 0)
	assert.Greater(t, e.Metrics["is"].Value, 2.0, "it tells digits apart")
	assert.Regexp(t, `accuracy (1\.0000|0\.[789]\d+)`, e.Protocol.Features)
}

func TestWhatCannotBeEvaluated(t *testing.T) {
	points := writeSample(t, 1, 20, 3, 1)
	pairs := writeSample(t, 1, 20, 2, 1)
	for want, change := range map[string]func(*EvalOptions){
		"one of --checkpoint, --images and --self says what is judged: pass one of them":                                                               func(o *EvalOptions) { o.Images = "" },
		"--against is needed: name the real data, such as mnist:DIR":                                                                                   func(o *EvalOptions) { o.Against = "" },
		"--n 1: too small: use 2 or more":                                                                                                              func(o *EvalOptions) { o.N = 1 },
		`--features "vgg": unknown: have FILE, classifier:SPEC, inception:FILE, pixels, random`:                                                        func(o *EvalOptions) { o.Features = "vgg" },
		"--features random: it is for images, and the data are points: leave it out":                                                                   func(o *EvalOptions) { o.Features = "random" },
		"--alpha 2: out of range: use a number from 0 to below 1":                                                                                      func(o *EvalOptions) { o.Measures.Alpha = 2 },
		"--images npy:" + pairs + ": 2 numbers, and --against npy:" + points + ": 3 numbers: they must be alike: bring images to one side with --size": func(o *EvalOptions) { o.Images = "npy:" + pairs },
	} {
		o := asked()
		o.Images, o.Against = "npy:"+points, "npy:"+points
		change(&o)
		_, err := Eval(t.Context(), o)
		assert.EqualError(t, err, want)
	}
}

// A likelihood of images is taken of their pixels, also where nothing is said; that of features is told to be none.
func TestTheLikelihoodOfParzenIsOfImages(t *testing.T) {
	o := asked()
	o.Self, o.Against, o.Size, o.N, o.Metrics = true, "glyphs", vision.Square(8), 60, []string{"parzen"}
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Contains(t, e.Protocol.Features, "pixels")
	assert.Empty(t, e.Metrics["parzen"].Note)
	o.Metrics = []string{"swd", "parzen"}
	e, err = Eval(t.Context(), o)
	require.NoError(t, err)
	assert.Contains(t, e.Protocol.Features, "random")
	assert.Empty(t, e.Metrics["swd"].Note)
	assert.Equal(t, "the likelihood of features is none of images: use --features pixels", e.Metrics["parzen"].Note)
}
