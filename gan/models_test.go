package gan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"forger/gan/bench"
	"forger/gan/export"
	"forger/gan/gantest"
	"forger/gan/model"
	"forger/torch/torchtest"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tiny are the models as this test trains them, in the words of scripts/golden_models.py.
var tiny = map[string]map[string]any{
	"toy":    {"model": "toy", "latent": 2, "gen": 5, "disc": 4, "points": 2},
	"mlp":    {"model": "mlp", "latent": 3, "gen": 4, "disc": 3, "channels": 1, "side": 28},
	"resnet": {"model": "resnet", "latent": 3, "gen": 2, "disc": 2, "channels": 3, "side": 32},
	"r3gan":  {"model": "r3gan", "latent": 3, "gen": 12, "disc": 8, "channels": 3, "side": 16},
}

// Every model is trained, goes on exactly, is measured, and is exported in every format to what PyTorch computes from its
// checkpoint.
func TestEveryModelIsTrainedAndExported(t *testing.T) {
	python, dir, told := torchtest.Python(t), t.TempDir(), map[string]any{}
	for name := range model.Table {
		o, ok := tiny[name]
		if model.Table[name].Generator == nil {
			continue // of no GAN: TestEveryLikelihoodIsTrainedAndExported has it
		}
		if !ok {
			assert.Equal(t, "dcgan", name, "dcgan has tests of its own; this one needs a line above")
			continue
		}
		c := tinyConfig(t)
		c.Method.Model = model.Options{Name: name, Latent: o["latent"].(int), GenWidth: o["gen"].(int), DiscWidth: o["disc"].(int), Conditional: "none"}
		if c.Data.Spec, c.Data.Size = "ring8", (vision.Size{}); name != "toy" {
			c.Data.Spec, c.Data.Size, c.Data.Channels = "glyphs", vision.Square(o["side"].(int)), o["channels"].(int)
		}
		c.Run.VerifyResume = 2
		_, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err, name)
		c.Run.VerifyResume, c.Run.Steps = 0, 2
		res, err := train(t, t.Context(), c, &gantest.Recorder{})
		require.NoError(t, err, name)
		measured, err := Bench(t.Context(), c, bench.Options{Steps: 1, Synthetic: true})
		require.NoError(t, err, name)
		assert.Positive(t, measured.GFlopPerImage, name)
		told[name] = map[string]any{"checkpoint": res.Checkpoint, "options": o}
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		for _, net := range []string{"generator", "discriminator"} {
			for format := range export.Formats {
				e := export.Options{Checkpoint: res.Checkpoint, Net: net, Format: format, Out: filepath.Join(dir, name, net+"."+format)}
				require.NoError(t, Export(e), e)
			}
		}
	}
	text, err := json.Marshal(told)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "models.json"), text, 0o644))
	var found map[string]float64
	torchtest.JSON(t, &found, python, filepath.Join(torchtest.Root(t), "scripts", "open_models.py"), dir)
	require.Len(t, found, len(told)*2*len(export.Formats))
	for name, difference := range found {
		assert.Less(t, difference, 2e-5, name)
	}
}
