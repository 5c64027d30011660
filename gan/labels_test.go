package gan

import (
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/gan/bench"
	"forger/gan/export"
	"forger/gan/gantest"
	"forger/gan/model"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// conditionalConfig is a run that learns three classes, in the form of scripts/golden_labels.py's.
func conditionalConfig(t *testing.T, way string) Config {
	c := tinyConfig(t)
	c.Data.Spec, c.Data.Channels = "folder:"+gantest.Labelled(t, 21, 3), 3
	c.Method.Model = model.Options{Name: "dcgan", Latent: 5, GenWidth: 4, DiscWidth: 4, Conditional: way}
	c.Method.EMA = .9
	return c
}

// Every way to learn the labels is trained, goes on exactly, is measured, and is exported in every format to what PyTorch computes
// from its checkpoint.
func TestEveryWayToLearnLabels(t *testing.T) {
	python, dir, told := torchtest.Python(t), t.TempDir(), map[string]string{}
	for _, way := range []string{"concat", "projection", "auxiliary"} {
		c := conditionalConfig(t, way)
		c.Run.VerifyResume, c.Data.Balance = 3, true
		_, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err, way)
		c.Run.VerifyResume, c.Run.Steps = 0, 3
		var r gantest.Recorder
		res, err := train(t, t.Context(), c, &r)
		require.NoError(t, err, way)
		assert.Equal(t, [2]int{3*18 + 2, 8*18 + 2}, pictureSize(t, res.LastSample), "a row each class")
		measured, err := Bench(t.Context(), c, bench.Options{Steps: 1, Synthetic: true})
		require.NoError(t, err, way)
		assert.Positive(t, measured.GFlopPerImage, way)
		told[way] = res.Checkpoint
		require.NoError(t, os.Mkdir(filepath.Join(dir, way), 0o755))
		for _, net := range []string{"generator", "discriminator"} {
			for format := range export.Formats {
				e := export.Options{Checkpoint: res.Checkpoint, Net: net, Format: format, Out: filepath.Join(dir, way, net+"."+format)}
				require.NoError(t, Export(e), e)
			}
		}
	}
	text, err := json.Marshal(told)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "runs.json"), text, 0o644))
	var found map[string]float64
	torchtest.JSON(t, &found, python, filepath.Join(torchtest.Root(t), "scripts", "open_labels.py"), dir)
	require.Len(t, found, 3*2*len(export.Formats))
	for name, difference := range found {
		assert.Less(t, difference, 2e-5, name)
	}
	labelsDecide(t, told["projection"], dir)
	labelsDecide(t, told["concat"], dir)
}

// labelsDecide draws one latent of each class by several ways.
func labelsDecide(t *testing.T, checkpoint, dir string) {
	t.Helper()
	drawn := func(o SampleOptions) []float32 {
		o.Checkpoint, o.Device, o.Raw = checkpoint, "cpu", filepath.Join(dir, "x.npy")
		require.NoError(t, Sample(t.Context(), o))
		shape, values, err := data.ReadNPY[float32](o.Raw)
		require.NoError(t, err)
		require.Equal(t, []int{3, 16, 16}, shape[1:])
		return values
	}
	const size = 3 * 16 * 16
	latent := filepath.Join(dir, "z.npy")
	require.NoError(t, writeFloats(latent, []int{3, 5}, []float64{1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5}))
	each := drawn(SampleOptions{Latents: latent, Label: "class0,class1,class2"})
	require.Len(t, each, 3*size)
	assert.NotEqual(t, each[:size], each[size:2*size])
	assert.NotEqual(t, each[:size], each[2*size:])
	one := drawn(SampleOptions{Latents: latent, Label: "class1"})
	assert.InDeltaSlice(t, each[size:2*size], one[:size], 1e-6)
	assert.InDeltaSlice(t, one[:size], one[2*size:], 1e-6)
	assert.Len(t, drawn(SampleOptions{}), 24*size, "a row of eight each")
	assert.Len(t, drawn(SampleOptions{N: 5, Label: "class2"}), 5*size)

	o := InterpolateOptions{Checkpoint: checkpoint, Device: "cpu", Out: filepath.Join(dir, "walk.png"), Frames: 3, Label: "class0", ToLabel: "class2"}
	require.NoError(t, Interpolate(t.Context(), o))
	f, err := os.Open(o.Out)
	require.NoError(t, err)
	defer f.Close()
	m, err := png.Decode(f)
	require.NoError(t, err)
	differ := 0
	for y := range 16 {
		for x := range 16 {
			if m.At(2+x, 2+y) != m.At(2+x+2*18, 2+y) {
				differ++
			}
		}
	}
	assert.NotZero(t, differ, "the ends differ")
	for want, change := range map[string]func(o *InterpolateOptions){
		"--label cat: no class \"cat\": have class0, class1, class2":        func(o *InterpolateOptions) { o.Label = "cat" },
		"--label class0,class1: a walk has one class at each end: name one": func(o *InterpolateOptions) { o.Label = "class0,class1" },
		"--to-label class2: it walks from --label: name the class to begin": func(o *InterpolateOptions) { o.Label = "" },
	} {
		p := o
		change(&p)
		assert.ErrorContains(t, Interpolate(t.Context(), p), want)
	}
}

// Data that has nothing to learn is refused by name, and so are other classes than the run began with.
func TestLabelsThatCannotBeLearnt(t *testing.T) {
	plain, one := gantest.Pictures(t, 9), gantest.Labelled(t, 9, 1)
	for spec, want := range map[string]string{
		"folder:" + plain: "has no labels: use labelled data, or leave it out",
		"folder:" + one:   "have one label: use data of several classes",
	} {
		c := conditionalConfig(t, "concat")
		c.Data.Spec = spec
		_, err := train(t, t.Context(), c, &gantest.Recorder{})
		assert.ErrorContains(t, err, want)
	}
	c := conditionalConfig(t, "projection")
	c.Method.Pack = 2
	assert.ErrorContains(t, c.Check(), "--pack 2: --conditional projection: samples that are judged at once would have several labels")

	c = conditionalConfig(t, "projection")
	c.Run.Steps = 1
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	refusesAFourthClass(t, c.Run.Out)

	d, err := openDrawer(t.Context(), res.Checkpoint, false, "cpu")
	require.NoError(t, err)
	defer d.Root.Close()
	assert.Equal(t, []string{"class0", "class1", "class2"}, d.classes)
	assert.Equal(t, vision.Square(16), d.Shape.Size())

	plainRun := tinyConfig(t)
	plainRun.Run.Steps = 1
	res, err = train(t, t.Context(), plainRun, &gantest.Recorder{})
	require.NoError(t, err)
	err = Sample(t.Context(), SampleOptions{Checkpoint: res.Checkpoint, Device: "cpu", Out: filepath.Join(t.TempDir(), "x.png"), Label: "3"})
	assert.ErrorContains(t, err, "--label 3: the network was trained without labels")
}

// uneven is data of conditionalConfig's three classes, of which the last has six pictures of eight.
func uneven(t *testing.T) string {
	t.Helper()
	few := gantest.Pictures(t, 8)
	lines := "000.png,class0\n001.png,class1\n"
	for i := 2; i < 8; i++ {
		lines += fmt.Sprintf("%03d.png,class2\n", i)
	}
	require.NoError(t, os.WriteFile(filepath.Join(few, "labels.csv"), []byte(lines), 0o644))
	return "folder:" + few
}

// What is judged has the classes as often as the real data that it is compared with.
func TestClassesAreDrawnAsOftenAsTheDataHaveThem(t *testing.T) {
	c := conditionalConfig(t, "concat")
	c.Run.Steps, c.Run.Watch.EvalEvery, c.Run.Watch.EvalN = 1, 1, 10
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)

	for _, against := range []struct {
		spec, told string
		want       []int
	}{
		{"", "classes as often as in the real data", []int{14, 13, 13}},
		{uneven(t), "classes as often as in the real data", []int{5, 5, 30}},
		{"folder:" + gantest.Labelled(t, 21, 2), "classes in turn", []int{14, 13, 13}},
	} {
		o := asked()
		o.Checkpoint, o.Against, o.N, o.Metrics, o.Features = res.Checkpoint, against.spec, 40, []string{"fid"}, "pixels"
		j := &judge{EvalOptions: o, ctx: t.Context()}
		require.NoError(t, j.open())
		drawn, sample := make([]int, 3), j.drawer.sampler.Sample
		j.drawer.sampler.Sample = func(noise, labels torch.Tensor) torch.Tensor {
			for _, class := range labels.Ints() {
				drawn[class]++
			}
			return sample(noise, labels)
		}
		e, err := j.evaluate()
		j.close()
		require.NoError(t, err)
		assert.Equal(t, against.want, drawn)
		assert.Equal(t, against.told, e.Protocol.Labels)
	}
}

// Each class is judged by itself, and samples are shown beside the real images that are nearest.
func TestEachClassIsJudged(t *testing.T) {
	c := conditionalConfig(t, "concat")
	c.Run.Steps, c.Method.EMA = 1, 0
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	o := asked()
	o.Checkpoint, o.Metrics, o.Features, o.PerClass = res.Checkpoint, []string{"fid"}, "classifier:"+c.Data.Spec, true
	o.Neighbours = filepath.Join(t.TempDir(), "near.png")
	e, err := Eval(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, e.Classes, 3)
	total := 0.
	for i, f := range e.Classes {
		assert.Equal(t, []string{"class0", "class1", "class2"}[i], f.Class)
		assert.Equal(t, 7, f.N, "as many as there are")
		assert.Positive(t, f.FID)
		require.NotNil(t, f.Agrees)
		total += *f.Agrees
	}
	assert.Less(t, total, 2.5, "a generator that has learnt nothing is not seen as what it was asked for")
	assert.Equal(t, [2]int{8*18 + 2, 8*18 + 2}, pictureSize(t, o.Neighbours))

	// Real images are their own neighbours.
	j := &judge{EvalOptions: o, ctx: t.Context()}
	require.NoError(t, j.open())
	defer j.close()
	found, err := j.realImages([]int64{3, 0})
	require.NoError(t, err)
	seen := 0
	_, order := seed.Data(o.Seed)
	require.NoError(t, data.Stream(t.Context(), j.real, data.DumpOptions{N: 4, Shuffled: true, Seed: order}, func(images []byte, _ []int32) error {
		size := j.shape.Bytes()
		assert.Equal(t, images[3*size:4*size], found[:size])
		assert.Equal(t, images[:size], found[size:])
		seen++
		return nil
	}))
	assert.Equal(t, 1, seen)

	o.Features, o.Against, o.Neighbours = "random", "glyphs", ""
	_, err = Eval(t.Context(), o)
	assert.ErrorContains(t, err, "--per-class: the real data have not the classes that the network learnt ([class0 class1 class2])")
	o.Checkpoint, o.Images, o.Against = "", c.Data.Spec, c.Data.Spec
	_, err = Eval(t.Context(), o)
	assert.ErrorContains(t, err, "--per-class: it is for a checkpoint of a network that learnt labels")
}

// refusesAFourthClass has a run of three classes go on with data of four.
func refusesAFourthClass(t *testing.T, out string) {
	t.Helper()
	again := tinyConfig(t)
	again.Run.Out, again.Run.Resume, again.Run.Steps, again.Data.Spec = "", out, 2, "folder:"+gantest.Labelled(t, 24, 4)
	again.Run.AllowDataChange = true
	again.Given = setting.Given{"resume": "--resume", "steps": "--steps", "data": "--data", "allow-data-change": "--allow-data-change"}
	_, err := train(t, t.Context(), again, &gantest.Recorder{})
	assert.ErrorContains(t, err, "the run learnt the classes class0, class1, class2, and these are class0, class1, class2, class3")
}
