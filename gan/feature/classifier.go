package feature

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forger/data"
	"forger/gan/checkpoint"
	"forger/torch"
	"forger/torch/nn"
	"forger/torch/optim"
	"forger/torch/pt"
)

// A classifier's training. Of each ten batches the last is held out, and is what its accuracy is measured on.
const (
	classifierVersion = 1
	classifierEpochs  = 2
	classifierBatch   = 64
	classifierRate    = 1e-3
	classifierWidth   = 128 // of the features
	heldOut           = 10
)

// network is the body of a classifier, which makes the features, and its head.
type network struct {
	body     nn.Module
	head     *nn.Linear
	classes  int
	accuracy float64
}

// State is what is kept of a network.
func (n network) State(_ string, visit func(nn.Entry)) {
	n.body.State("body", visit)
	n.head.State("head", visit)
}

// Forward is the logits.
func (n network) Forward(x torch.Tensor) torch.Tensor { return n.head.Forward(n.body.Forward(x)) }

// classifier learns the labels of a set, at the size of the data that is judged, or takes what was learnt before. A
// classifier of gray images judges each channel of colour images by itself, and its classes are then all combinations.
func classifier(f From) (*Extractor, error) {
	ds, err := data.Open(f.Path, data.Options{Size: f.Shape.Size(), CacheDir: cacheFolder("data")})
	if err != nil {
		return nil, fmt.Errorf("--features classifier: %w", err)
	}
	defer ds.Close()
	if ds.Shape().IsPoints() || len(ds.Classes()) < 2 {
		return nil, fmt.Errorf("--features classifier:%s: it has no labels of two classes or more: name a labelled set of images", f.Path)
	}
	for i := range ds.Len() {
		if ds.Label(i) < 0 {
			return nil, fmt.Errorf("--features classifier:%s: image %d has no label: name a set in which all have one", f.Path, i)
		}
	}
	channels := ds.Shape().Channels
	if channels != f.Shape.Channels && channels != 1 {
		return nil, fmt.Errorf("--features classifier:%s: it has %d channels, the data %d: name a set of the same kind", f.Path, channels, f.Shape.Channels)
	}
	net, err := learned(f, ds)
	if err != nil {
		return nil, err
	}
	each := 1
	if channels == 1 {
		each = f.Shape.Channels
	}
	protocol := fmt.Sprintf("classifier-%d of %s at %dx%d, accuracy %.4f, %d features", classifierVersion, f.Path, f.Shape.Height, f.Shape.Width, net.accuracy, classifierWidth*each)
	if each > 1 {
		protocol += ", a channel each"
	}
	e := &Extractor{Protocol: protocol, Width: classifierWidth * each, Of: func(x torch.Tensor) (features, logits torch.Tensor) { return net.judge(x, each) }}
	if each == 1 {
		e.Classes = ds.Classes()
	}
	return e, nil
}

// judge makes features and logits of images; each: of so many channels, one by one. The logits of combinations are the sums
// of log-probabilities, the first channel's class counting most.
func (n network) judge(x torch.Tensor, each int) (features, logits torch.Tensor) {
	if each == 1 {
		features = n.body.Forward(x)
		return features, n.head.Forward(features)
	}
	var all []torch.Tensor
	for c := range each {
		one := n.body.Forward(x.Slice(1, c, c+1, 1))
		scores := n.head.Forward(one).LogSoftmax(1)
		all = append(all, one)
		if c == 0 {
			logits = scores
			continue
		}
		rows, have := logits.Shape()[0], logits.Shape()[1]
		logits = logits.Reshape(rows, have, 1).Add(scores.Reshape(rows, 1, n.classes)).Reshape(rows, have*n.classes)
	}
	return torch.Cat(1, all...), logits
}

// build makes a network for images of so many channels.
func build(s *torch.Scope, g *torch.Generator, channels, classes int) network {
	block := func(in, out, stride int) nn.Sequential {
		return nn.Sequential{
			nn.NewConv2d(s, g, in, out, 3, nn.ConvOptions{Stride: stride, Padding: 1, NoBias: true}), nn.NewBatchNorm2d(s, out), nn.LeakyReLU(.1),
		}
	}
	body := nn.Sequential{
		block(channels, 32, 1), block(32, 32, 2), block(32, 64, 1), block(64, 64, 2), block(64, classifierWidth, 2), spatialMean{},
	}
	return network{body: body, head: nn.NewLinear(s, g, classifierWidth, classes, false), classes: classes}
}

// spatialMean is the mean of each channel over the image: [N,C,H,W] to [N,C].
type spatialMean struct{}

func (spatialMean) Forward(x torch.Tensor) torch.Tensor {
	return x.MeanOver(torch.Reduction{Dims: []int{2, 3}})
}
func (spatialMean) State(string, func(nn.Entry)) {}

// learned takes the network from the cache, or trains it and puts it there.
func learned(f From, ds data.Dataset) (network, error) {
	s := f.Scope
	g := s.NewGenerator(classifierVersion)
	net := build(s, g, ds.Shape().Channels, len(ds.Classes()))
	path := cacheFile(ds)
	if path != "" {
		err := net.load(path)
		if err == nil {
			return net, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return net, fmt.Errorf("--features classifier: %s: %w: remove it, and it is learnt again", path, err)
		}
	}
	f.Tell(fmt.Sprintf("features: learns the labels of %s once (%d passes over %d images)", ds.Spec(), classifierEpochs, ds.Len()))
	if err := net.train(f, ds); err != nil {
		return net, err
	}
	f.Tell(fmt.Sprintf("features: %.2f %% of held-out images are told right", 100*net.accuracy))
	if path == "" {
		return net, nil
	}
	if err := net.save(path); err != nil {
		f.Tell(fmt.Sprintf("features: cannot be kept for the next time: %v", err))
	}
	return net, nil
}

// cacheFile is where the network of a set is kept; "": nowhere.
func cacheFile(ds data.Dataset) string {
	folder := cacheFolder("classifiers")
	if folder == "" {
		return ""
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%d %s %v", classifierVersion, ds.Fingerprint(), ds.Shape()))
	return filepath.Join(folder, fmt.Sprintf("%x.pth", key[:8]))
}

// cacheFolder is a folder of the user's cache; "" where there is none.
func cacheFolder(name string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "forger", name)
}

// train teaches the network, and measures its accuracy.
func (n *network) train(f From, ds data.Dataset) error {
	s := f.Scope.Child(torch.WithGrad, torch.Train)
	defer s.Close()
	rate := s.FullOf(torch.Float64, classifierRate)
	adam := optim.NewAdam(s, nn.Parameters(n), torch.AdamOptions{LR: rate, Beta1: .9, Beta2: .999, Eps: 1e-8})
	for range classifierEpochs {
		err := passOver(f, ds, func(k int, b *data.Batch) {
			if k%heldOut == heldOut-1 {
				return
			}
			c := s.Child()
			defer c.Close()
			x, labels := upload(c, b, ds.Shape())
			adam.Accumulate(n.Forward(x).CrossEntropy(labels, 0, torch.MeanLoss))
			adam.Step()
		})
		if err != nil {
			return err
		}
	}
	right, asked := 0., 0.
	err := passOver(f, ds, func(k int, b *data.Batch) {
		if k%heldOut != heldOut-1 && ds.Len() >= heldOut*classifierBatch {
			return
		}
		c := f.Scope.Child()
		defer c.Close()
		x, labels := upload(c, b, ds.Shape())
		_, best := n.Forward(x).Max(1, false)
		right += best.Eq(labels).To(torch.Float64).Sum().Item()
		asked += float64(b.N)
	})
	n.accuracy = right / asked
	return err
}

// passOver goes over the labelled images of a set once, in an order that is always the same.
func passOver(f From, ds data.Dataset, use func(k int, b *data.Batch)) (err error) {
	defer torch.Catch(&err)
	l, err := data.NewLoader(ds, data.LoaderOptions{Batch: classifierBatch, Seed: classifierVersion, Shuffle: true})
	if err != nil {
		return err
	}
	defer l.Close()
	for k := range (ds.Len() + classifierBatch - 1) / classifierBatch {
		b, err := l.Next(f.Context)
		if err != nil {
			return err
		}
		use(k, b)
		l.Recycle(b)
	}
	return nil
}

func upload(c *torch.Scope, b *data.Batch, of data.Shape) (x, labels torch.Tensor) {
	all := make([]int64, b.N)
	for i, l := range b.Labels {
		all[i] = int64(l)
	}
	return c.Images(b.Images, b.N, of.Height, of.Width, of.Channels), c.FromInts(all, b.N)
}

// save and load keep a network as a file of PyTorch's, its accuracy beside the state.
func (n network) save(path string) error {
	state := pt.NewOrderedDict()
	for _, e := range nn.Entries(n) {
		if shape := e.Tensor.Shape(); e.Tensor.Info().DType == torch.Int64 {
			state.Set(e.Name, pt.Of(e.Tensor.Ints(), shape...))
		} else {
			state.Set(e.Name, pt.Of(e.Tensor.Floats(), shape...))
		}
	}
	root := pt.NewDict()
	root.Set("state", state)
	root.Set("accuracy", n.accuracy)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return pt.WriteFile(path, root)
}

func (n *network) load(path string) error {
	root, err := pt.Load(path)
	if err != nil {
		return err
	}
	if n.accuracy, err = pt.At[float64](root, "accuracy"); err != nil {
		return err
	}
	state, err := pt.At[*pt.Dict](root, "state")
	if err != nil {
		return err
	}
	return checkpoint.LoadState(n.head.Weight.Scope(), n, state)
}
