package feature

import (
	"os"
	"path/filepath"
	"testing"

	"forger/data"
	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scripted is the TorchScript file of a forward method.
func scripted(t *testing.T, s *torch.Scope, forward string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "features.pt")
	s.SaveScript(path, "def forward(self, x):\n    "+forward+"\n", nil)
	return path
}

func openScripted(t *testing.T, s *torch.Scope, forward string, change func(*Options)) (*Extractor, string, error) {
	t.Helper()
	path := scripted(t, s, forward)
	e, err := Open(path, From{Scope: s, Shape: data.Shape{Height: 32, Width: 32, Channels: 3}, Options: with(change)})
	return e, path, err
}

// A TorchScript network sees images at the side and in the range that were asked for, and its two results are features and
// logits.
func TestFeaturesOfAFile(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		x := images(s)
		plain := x.MeanOver(torch.Reduction{Dims: []int{2, 3}}).Doubles()
		for ends, scale := range map[string]float64{"-1,1": 1, "0,1": .5, "0,255": 127.5} {
			e, _, err := openScripted(t, s, "return x.mean([2, 3])", func(o *Options) { o.Range = ends })
			require.NoError(t, err)
			want := make([]float64, len(plain))
			for i, v := range plain {
				want[i] = v * scale
				if ends != "-1,1" {
					want[i] += scale
				}
			}
			features, logits := e.Of(x)
			torchtest.Close(t, want, features.Doubles(), 1e-5, 1e-5, ends)
			assert.False(t, logits.Valid())
			assert.Regexp(t, "^torchscript [0-9a-f]{8}, range "+ends+", 3 features$", e.Protocol)
			e.Close()
		}
		e, _, err := openScripted(t, s, "return x.sum([1]).reshape(x.size(0), -1), x.amax([2, 3]).unsqueeze(2).unsqueeze(3)", func(o *Options) { o.Size = 8 })
		require.NoError(t, err)
		defer e.Close()
		features, logits := e.Of(x)
		assert.Equal(t, []int{2, 64}, features.Shape(), "8x8 of them")
		assert.Equal(t, []int{2, 3}, logits.Shape())
		assert.Regexp(t, "tf1 to 8x8, range -1,1, 64 features$", e.Protocol)
		gray, _ := e.Of(x.Slice(1, 0, 1, 1))
		assert.Equal(t, []int{2, 64}, gray.Shape(), "gray counts as RGB")
	})
}

func TestFeaturesOfAFileThatMakesNone(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		for forward, why := range map[string]string{
			"return x":                    "[2 3 32 32] of 2 images, and not [2,F]: end it in a pool over the image",
			"return x.sum([0, 2, 3])":     "[3] of 2 images, and not [2,F]",
			"return x, x, x":              "3 tensors, and not features or features and logits",
			"return 1":                    "forward gives a Int, and not a tensor or several",
			"return x.reshape(2, 3, 299)": "shape '[2, 3, 299]' is invalid for input of size 6144",
		} {
			_, path, err := openScripted(t, s, forward, func(*Options) {})
			require.ErrorContains(t, err, "--features "+path+": of images of 32x32x3 (height, width, channels) it makes nothing that can be compared: ")
			assert.ErrorContains(t, err, why)
			assert.ErrorContains(t, err, ": see --feature-size")
			assert.NotContains(t, err.Error(), "\n")
		}
		text := filepath.Join(t.TempDir(), "text.pt")
		require.NoError(t, os.WriteFile(text, []byte("def forward"), 0o644))
		for path, why := range map[string]string{text: "name what torch.jit.save wrote", "./gone.pt": "no such file or directory: name a TorchScript file"} {
			_, err := Open(path, From{Scope: s, Shape: data.Shape{Height: 32, Width: 32, Channels: 3}, Options: with(func(*Options) {})})
			assert.ErrorContains(t, err, why)
		}
	})
}

// An option that the features do not heed is refused, and not left unheard.
func TestOptionsOfFeatures(t *testing.T) {
	for spec, change := range map[string]func(*Options){
		"pixels": func(*Options) {}, "./net.pt": func(o *Options) { o.Size, o.Range, o.Resizer = 299, "0,255", "bilinear" },
		"inception:x.pth": func(o *Options) { o.Resizer = "bilinear" },
	} {
		assert.NoError(t, Check(spec, with(change)), spec)
	}
	assert.EqualError(t, Check("random", with(func(o *Options) { o.Resizer = "bilinear" })), "--resizer bilinear: features of random do not take it: leave it out")
	assert.EqualError(t, Check("inception:x.pth", with(func(o *Options) { o.Range = "0,1" })), "--feature-range 0,1: features of inception:x.pth do not take it: leave it out")
	o := with(func(o *Options) { o.Range = "1,0" })
	assert.EqualError(t, o.Settings("").Check(), "--feature-range 1,0: not understood: write two numbers, such as 0,255")
}
