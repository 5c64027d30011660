package nn

import (
	"fmt"

	"forger/torch"
)

// MinibatchStdDev appends a channel that says how much images differ from each other: the standard deviation within each
// group of images, averaged over channels and pixels. Group is the most images of a group; the batch is split into
// batch/Group groups, image i with those whose place differs from i by a multiple of that. StyleGAN2's, one channel
// (Karras et al. 2018, section 3).
type MinibatchStdDev struct{ Group int }

// minibatchEps is added to the variance, as in the papers' code.
const minibatchEps = 1e-8

// Forward is [N,C,H,W] -> [N,C+1,H,W]; N must be at most Group or a multiple of it.
func (m MinibatchStdDev) Forward(x torch.Tensor) torch.Tensor {
	shape := x.Shape()
	if len(shape) != 4 || m.Group < 1 || shape[0] == 0 || shape[0]%min(m.Group, shape[0]) != 0 {
		panic(&torch.Error{Op: "minibatch_stddev", Code: torch.Failed,
			Msg: fmt.Sprintf("%s: groups of %d: take a batch [N,C,H,W] that is a multiple of the group", x, m.Group)})
	}
	n, c, h, w := shape[0], shape[1], shape[2], shape[3]
	g := min(m.Group, n)
	steps := []torch.Tensor{x.Reshape(g, n/g, c, h, w)}
	then := func(t torch.Tensor) torch.Tensor {
		steps = append(steps, t)
		return t
	}
	y := then(then(then(steps[0].VarOver(torch.Reduction{Dims: []int{0}})).AddScalar(minibatchEps)).Sqrt())
	y = then(y.MeanOver(torch.Reduction{Dims: []int{1, 2, 3}, Keep: true})) // [N/g,1,1,1]
	y = then(then(then(y.Unsqueeze(0)).Expand(g, n/g, 1, h, w)).Reshape(n, 1, h, w))
	defer release(steps)
	return torch.Cat(1, x, y)
}

// release drops what a module made on its way.
func release(steps []torch.Tensor) {
	for _, t := range steps {
		t.Release()
	}
}

// State is empty.
func (m MinibatchStdDev) State(string, func(Entry)) {}

// Describe is one operation, which PyTorch has no name for.
func (m MinibatchStdDev) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "minibatch_stddev", Inputs: []string{x}, Factor: m.Group, Eps: minibatchEps})
}
