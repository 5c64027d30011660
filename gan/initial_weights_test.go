package gan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forger/gan/gantest"
	"forger/internal/setting"
	"forger/torch/pt"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A network of a VAE or a PixelCNN starts from the weights that PyTorch wrote for it, by themselves or in a whole checkpoint, and
// the others as they would; its average starts there too. What does not fit is refused in a line that names the file and the keys.
func TestLikelihoodsStartFromWeightsOfPyTorchs(t *testing.T) {
	python, dir, told := torchtest.Python(t), t.TempDir(), map[string]any{}
	own := map[string]map[string]any{} // what each starts from by itself
	for name, l := range likelyRuns {
		res, err := startFrom(t, l, nil)
		require.NoError(t, err, name)
		own[name] = gantest.State(t, res)
		told[name] = map[string]any{"settings": l.settings, "sizes": l.sizes, "checkpoint": res}
	}
	text, err := json.Marshal(told)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cases.json"), text, 0o644))
	var first map[string]string // key of each network
	torchtest.JSON(t, &first, python, filepath.Join(torchtest.Root(t), "scripts", "write_weights.py"), dir)
	for name, l := range likelyRuns {
		files := filepath.Join(dir, name)
		for _, net := range l.nets {
			want := mustLoad(t, filepath.Join(files, net+".pth")).(*pt.Dict)
			for _, file := range []string{net + ".pth", net + ".safetensors", "whole.pt"} {
				res, err := startFrom(t, l, map[string]string{net: filepath.Join(files, file)})
				require.NoError(t, err, "%s: %s", name, file)
				startedFrom(t, gantest.State(t, res), own[name], net, want)
			}
			testMisfits(t, l, net, files, first[name+"/"+net])
		}
	}
	_, err = startFrom(t, likelyRuns["pixelcnn"], map[string]string{"model": filepath.Join(dir, "vae", "whole.pt")})
	assert.ErrorContains(t, err, "no tensors under model or state_dict: the file has ")
}

// startFrom trains a step at a rate that moves no weight, networks by name starting from files: the checkpoint holds what the run
// started from.
func startFrom(t *testing.T, l likely, files map[string]string) (checkpoint string, err error) {
	t.Helper()
	c := l.config(t)
	c.Run.Steps, c.Method.LR, c.Given = 1, 1e-60, setting.Given{"lr": "--lr"} // else the method's own
	for net, path := range files {
		row, ok := c.Settings().Find("init-" + net)
		require.True(t, ok, net)
		require.NoError(t, row.Parse(path))
	}
	res, err := train(t, t.Context(), c, &gantest.Recorder{})
	if err != nil {
		assert.NoDirExists(t, c.Run.Out)
	}
	return res.Checkpoint, err
}

// startedFrom compares a checkpoint with the weights that a network started from, and the rest of it with what the run starts from
// by itself. Statistics move with the step.
func startedFrom(t *testing.T, got, own map[string]any, net string, from *pt.Dict) {
	t.Helper()
	given := map[string]any{}
	for key, v := range from.All() {
		values, err := v.(*pt.Tensor).Bytes()
		require.NoError(t, err)
		given["."+net+"."+key.(string)], given["."+net+"_ema."+key.(string)] = string(values), string(values)
	}
	compared := 0
	for key, here := range got {
		kind, _, _ := strings.Cut(key[1:], ".")
		switch kind = strings.TrimSuffix(kind, "_ema"); {
		case strings.Contains(key, "running") || strings.Contains(key, "tracked"):
		case kind == net:
			assert.True(t, given[key] == here, key)
			compared++
		case kind == "encoder" || kind == "decoder" || kind == "model":
			assert.True(t, own[key] == here, key)
		}
	}
	assert.NotZero(t, compared)
}

// testMisfits has a network start from weights of which the first is missing, and from those of a narrower one.
func testMisfits(t *testing.T, l likely, net, files, first string) {
	t.Helper()
	wider := l
	wider.settings += " gen-width=14 disc-width=7"
	if net == "model" {
		wider.settings = l.settings + " gen-width=12"
	}
	for path, as := range map[string]struct {
		likely
		want string
	}{
		filepath.Join(files, "short-"+net+".pth"): {l, `the state dict does not fit: 1 missing (` + first + `): the network is --model `},
		filepath.Join(files, net+".safetensors"):  {wider, ` misshapen (`},
	} {
		_, err := startFrom(t, as.likely, map[string]string{net: path})
		require.Error(t, err, path)
		assert.True(t, strings.HasPrefix(err.Error(), "--init-"+net+" "+path+": the state dict does not fit: "), err)
		assert.ErrorContains(t, err, as.want)
		assert.NotContains(t, err.Error(), "\n")
	}
}
