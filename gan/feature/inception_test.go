package feature

import (
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/pt"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// weights are what scripts/golden_inception.py fills the network with, and a digest of their names and shapes.
func weights(s *torch.Scope) (state *pt.Dict, keys string) {
	entries := slices.DeleteFunc(nn.Entries(newInception(s)), func(e nn.Entry) bool { return strings.HasSuffix(e.Name, "num_batches_tracked") })
	slices.SortFunc(entries, func(a, b nn.Entry) int { return strings.Compare(a.Name, b.Name) })
	state = pt.NewOrderedDict()
	digest := sha256.New()
	for place, e := range entries {
		shape := e.Tensor.Shape()
		fmt.Fprintf(digest, "%s %v\n", e.Name, shape)
		scale, shift := .25, 0.
		switch {
		case len(shape) > 1:
			scale = math.Sqrt(6 / float64(torchtest.Count(shape[1:])))
		case strings.HasSuffix(e.Name, "bn.weight"), strings.HasSuffix(e.Name, "running_var"):
			shift = 1
		}
		values := torchtest.Fill(place, torchtest.Count(shape))
		narrow := make([]float32, len(values))
		for i, v := range values {
			narrow[i] = float32(v*scale + shift)
		}
		state.Set(e.Name, pt.Of(narrow, shape...))
	}
	return state, fmt.Sprintf("%x", digest.Sum(nil))
}

// images are the script's, as a data set has them.
func images(s *torch.Scope) torch.Tensor {
	pixels := make([]byte, 2*32*32*3)
	for i, v := range torchtest.Fill(777, len(pixels)) {
		pixels[i] = byte((v + 1) * 128)
	}
	return s.Images(pixels, 2, 32, 32, 3)
}

func with(change func(*Options)) (o Options) {
	o.Settings("").Reset()
	change(&o)
	return o
}

// The network that FID is defined by gives what PyTorch gives with the same weights, out of a file as users have it, by both
// protocols; a file that is none of it is told of.
func TestTheInceptionOfFID(t *testing.T) {
	var want struct {
		Keys  string
		Cases map[string]struct{ Features, Mean, Logits []float64 }
	}
	torchtest.Golden(t, "testdata/inception.json", &want)
	path := filepath.Join(t.TempDir(), "inception.pth")
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		state, keys := weights(s.Child())
		require.Equal(t, want.Keys, keys, "names and shapes of the state")
		require.NoError(t, pt.WriteFile(path, state))
	})
	sum, err := contents(path)
	require.NoError(t, err)
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for resizer, protocol := range map[string]string{"tf1": "range (x-128)/128", "bilinear": "range -1,1"} {
			c := s.Child(torch.NoGrad, torch.Eval, torch.Layout(torch.ChannelsLast))
			e, err := Open("inception:"+path, From{
				Scope: c, Shape: data.Shape{Height: 32, Width: 32, Channels: 3}, Options: with(func(o *Options) { o.Resizer = resizer }),
			})
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("inception %s, %s to 299x299, %s, 2048 features", sum, resizer, protocol), e.Protocol)
			features, logits := e.Of(images(c))
			w := want.Cases[resizer]
			assert.Equal(t, []int{2, 2048}, features.Shape())
			assert.Equal(t, []int{2, 1008}, logits.Shape())
			torchtest.Close(t, w.Mean, features.MeanOver(torch.Reduction{Dims: []int{1}}).Doubles(), 1e-4, 0, "mean of the features")
			torchtest.Close(t, w.Features, features.Slice(1, 0, 2048, 64).Doubles(), 1e-4, 1e-4, "features")
			torchtest.Close(t, w.Logits, logits.Slice(1, 0, 1008, 63).Doubles(), 1e-4, 1e-4, "logits without bias")
			c.Close()
		}
	})
	wrongFiles(t, path)
}

// wrongFiles tries what is no file of the network's weights.
func wrongFiles(t *testing.T, whole string) {
	t.Helper()
	content, err := os.ReadFile(whole)
	require.NoError(t, err)
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o644))
		return path
	}
	other := filepath.Join(dir, "other.pth")
	state := pt.NewOrderedDict()
	state.Set("fc.weight", pt.Of(make([]float32, 2048), 1, 2048))
	require.NoError(t, pt.WriteFile(other, state))
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for path, why := range map[string]string{
			file("half.pth", content[:len(content)/2]): "cut short",
			file("text.pth", []byte("weights")):        "zip",
			filepath.Join(dir, "gone.pth"):             "no such file",
			other:                                      "missing",
		} {
			_, err := Open("inception:"+path, From{Scope: s, Shape: data.Shape{Height: 32, Width: 32, Channels: 3}, Options: with(func(*Options) {})})
			require.ErrorContains(t, err, "--features inception:"+path+": ")
			assert.ErrorContains(t, err, why)
			assert.ErrorContains(t, err, "name the state dict that pytorch-fid and torch-fidelity load")
			assert.NotContains(t, err.Error(), "\n")
		}
	})
}
