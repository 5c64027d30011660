package feature

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"

	"forger/gan/checkpoint"
	"forger/internal/atomicfile"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/pt"
)

// inceptionSide is the side of the images that the network was trained on, and that it is given.
const inceptionSide = 299

// inception is the network that FID, KID and the Inception score are defined by, with the weights of a file, after pytorch-fid
// or torch-fidelity. The logits are those of torch-fidelity's score: fc without its bias.
func inception(f From) (*Extractor, error) {
	wrong := func(err error) error {
		return fmt.Errorf("--features inception:%s: %w: name the state dict that pytorch-fid and torch-fidelity load (inception-2015-12-05, .pth)", f.Path, err)
	}
	sum, err := contents(f.Path)
	if err != nil {
		return nil, wrong(err)
	}
	net := newInception(f.Scope)
	if err := net.load(f.Scope, f.Path); err != nil {
		return nil, wrong(err)
	}
	in := input{side: inceptionSide, resizer: f.Options.Resizer, scale: 1. / 128, shift: -1, range_: "(x-128)/128"}
	if f.Options.Resizer == "bilinear" {
		in.scale, in.range_ = 2./255, "-1,1"
	}
	prepare := in.of(f)
	return &Extractor{
		Protocol: fmt.Sprintf("inception %s, %s, %d features", sum, in, inceptionFeatures), Width: inceptionFeatures,
		Of: func(x torch.Tensor) (features, logits torch.Tensor) {
			features = net.Forward(prepare(x))
			return features, features.Linear(net.fc.Weight, torch.Tensor{})
		},
	}, nil
}

// contents is the beginning of a file's SHA-256, by which the published weights are called 6726825d.
func contents(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", atomicfile.Bare(err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", atomicfile.Bare(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:4]), nil
}

// load fills the network. A file from before PyTorch counted batches has no counts.
func (n *inceptionNet) load(s *torch.Scope, path string) error {
	root, err := pt.Load(path)
	if err != nil {
		return err
	}
	state, err := pt.StateDict(root)
	if err != nil {
		return err
	}
	for _, e := range nn.Entries(n) {
		if _, has := state.Get(e.Name); !has && strings.HasSuffix(e.Name, ".num_batches_tracked") {
			state.Set(e.Name, pt.Scalar(int64(0)))
		}
	}
	return checkpoint.LoadState(s, n, state)
}
