package gan

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"forger/gan/bench"
	"forger/gan/export"
	"forger/gan/gantest"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pictureSize is the height and width of a PNG.
func pictureSize(t *testing.T, path string) [2]int {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	m, err := png.DecodeConfig(f)
	require.NoError(t, err, path)
	return [2]int{m.Height, m.Width}
}

// Images that are no squares are trained on, gone on with, drawn, walked through, judged, measured and exported like others.
func TestImagesThatAreNoSquares(t *testing.T) {
	c := tinyConfig(t)
	c.Data.Size, c.Data.Channels = vision.Size{Height: 32, Width: 16}, 1
	c.Run.VerifyResume = 2
	_, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	c.Run.VerifyResume, c.Run.Steps = 0, 2
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	require.NoError(t, err)
	assert.Equal(t, [2]int{34*8 + 2, 18*8 + 2}, pictureSize(t, res.LastSample))
	r := tinyConfig(t)
	r.Run.Out, r.Run.Resume, r.Run.Steps, r.Given = "", c.Run.Out, 3, map[string]string{"steps": "--steps", "resume": "--resume"}
	res, err = train(t, t.Context(), r, &gantest.Recorder{})
	require.NoError(t, err)
	assert.Equal(t, int64(3), res.Step)

	dir := t.TempDir()
	sampled := filepath.Join(dir, "grid.png")
	require.NoError(t, Sample(t.Context(), SampleOptions{Checkpoint: res.Checkpoint, Out: sampled, N: 4, Device: "auto"}))
	assert.Equal(t, [2]int{34*2 + 2, 18*2 + 2}, pictureSize(t, sampled))
	for _, out := range []string{"walk.gif", "walk.png"} {
		require.NoError(t, Interpolate(t.Context(), InterpolateOptions{Checkpoint: res.Checkpoint, Out: filepath.Join(dir, out), Frames: 3, Device: "auto"}))
	}
	o := asked()
	o.Checkpoint, o.Metrics = res.Checkpoint, []string{"swd", "fid"}
	_, err = Eval(t.Context(), o)
	require.NoError(t, err)
	measured, err := Bench(t.Context(), c, bench.Options{Steps: 1, Synthetic: true})
	require.NoError(t, err)
	assert.Positive(t, measured.GFlopPerImage)

	for _, net := range []string{"generator", "discriminator"} {
		for format := range export.Formats {
			require.NoError(t, Export(export.Options{Checkpoint: res.Checkpoint, Net: net, Format: format, Out: filepath.Join(dir, net+"."+format)}))
		}
	}
	var found map[string]float64
	torchtest.JSON(t, &found, torchtest.Python(t), filepath.Join(torchtest.Root(t), "scripts", "open_oblong.py"), res.Checkpoint,
		fmt.Sprint(c.Method.Model.Latent), fmt.Sprint(c.Method.Model.GenWidth), dir)
	require.Len(t, found, 2*len(export.Formats))
	for name, difference := range found {
		assert.Less(t, difference, 2e-5, name)
	}
}
