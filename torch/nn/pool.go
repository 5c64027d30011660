package nn

import "forger/torch"

// AvgPool2d is the mean of each window: [N,C,H,W] -> [N,C,H',W']. PyTorch: nn.AvgPool2d.
type AvgPool2d torch.Pool

// Forward is torch.Tensor.AvgPool2d.
func (p AvgPool2d) Forward(x torch.Tensor) torch.Tensor { return x.AvgPool2d(torch.Pool(p)) }

// State is empty.
func (p AvgPool2d) State(string, func(Entry)) {}

// Describe is avg_pool2d(x).
func (p AvgPool2d) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "avg_pool2d", Inputs: []string{x}, Pool: torch.Pool(p).Filled()})
}

// MaxPool2d is the largest element of each window: [N,C,H,W] -> [N,C,H',W']. PyTorch: nn.MaxPool2d.
type MaxPool2d torch.Pool

// Forward is torch.Tensor.MaxPool2d.
func (p MaxPool2d) Forward(x torch.Tensor) torch.Tensor { return x.MaxPool2d(torch.Pool(p)) }

// State is empty.
func (p MaxPool2d) State(string, func(Entry)) {}

// Describe is max_pool2d(x).
func (p MaxPool2d) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "max_pool2d", Inputs: []string{x}, Pool: torch.Pool(p).Filled()})
}

// AdaptiveAvgPool2d is the mean of windows that make an image of Height x Width of any: [N,C,H,W] -> [N,C,Height,Width].
// PyTorch: nn.AdaptiveAvgPool2d.
type AdaptiveAvgPool2d struct{ Height, Width int }

// Forward is torch.Tensor.AdaptiveAvgPool2d.
func (p AdaptiveAvgPool2d) Forward(x torch.Tensor) torch.Tensor {
	return x.AdaptiveAvgPool2d(p.Height, p.Width)
}

// State is empty.
func (p AdaptiveAvgPool2d) State(string, func(Entry)) {}

// Describe is adaptive_avg_pool2d(x).
func (p AdaptiveAvgPool2d) Describe(g *Graph, _, x string) string {
	return g.Add(Node{Op: "adaptive_avg_pool2d", Inputs: []string{x}, Shape: []int{p.Height, p.Width}})
}

// GlobalPool is a number for each channel: [N,C,H,W] -> [N,C].
type GlobalPool struct{ sum bool }

// GlobalAvgPool is the mean of each channel. PyTorch: x.mean((2, 3)).
func GlobalAvgPool() GlobalPool { return GlobalPool{} }

// GlobalSumPool is the sum of each channel, as the discriminators of SNGAN and BigGAN have it. PyTorch: x.sum((2, 3)).
func GlobalSumPool() GlobalPool { return GlobalPool{sum: true} }

var pixels = []int{2, 3}

// Forward is [N,C,H,W] -> [N,C].
func (p GlobalPool) Forward(x torch.Tensor) torch.Tensor {
	if p.sum {
		return x.SumOver(torch.Reduction{Dims: pixels})
	}
	return x.MeanOver(torch.Reduction{Dims: pixels})
}

// State is empty.
func (p GlobalPool) State(string, func(Entry)) {}

// Describe is sum(x, dims) or mean(x, dims).
func (p GlobalPool) Describe(g *Graph, _, x string) string {
	op := "mean"
	if p.sum {
		op = "sum"
	}
	return g.Add(Node{Op: op, Inputs: []string{x}, Dims: pixels})
}
