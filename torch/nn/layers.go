package nn

import (
	"math"
	"strconv"

	"forger/torch"
)

// Linear is x W^T + b. PyTorch: nn.Linear.
type Linear struct {
	Weight, Bias torch.Tensor
	normalised
}

// NewLinear makes a layer [N,in] -> [N,out] with PyTorch's default initialisation, drawn from g.
func NewLinear(s *torch.Scope, g *torch.Generator, in, out int, noBias bool) *Linear {
	l := &Linear{Weight: s.Zeros(out, in)}
	bound := 1 / math.Sqrt(float64(in))
	draw(l.Weight, g, bound)
	l.Weight.RequireGrad()
	if !noBias {
		l.Bias = s.Zeros(out)
		draw(l.Bias, g, bound)
		l.Bias.RequireGrad()
	}
	return l
}

// Forward is [N,in] -> [N,out].
func (l *Linear) Forward(x torch.Tensor) torch.Tensor {
	return l.with(l.Weight, x, func(w torch.Tensor) torch.Tensor { return x.Linear(w, l.Bias) })
}

// State is weight, bias.
func (l *Linear) State(prefix string, visit func(Entry)) {
	l.state(prefix, l.Weight, l.Bias, visit)
}

// ConvOptions holds what nn.Conv2d takes by keyword; the zero value is PyTorch's default.
type ConvOptions struct {
	Stride, Padding, Dilation int
	OutputPadding             int // transposed only
	Groups                    int
	NoBias                    bool
}

func (o ConvOptions) square() torch.Conv {
	return torch.Conv{
		Stride: [2]int{o.Stride, o.Stride}, Padding: [2]int{o.Padding, o.Padding},
		Dilation: [2]int{o.Dilation, o.Dilation}, OutputPadding: [2]int{o.OutputPadding, o.OutputPadding},
		Groups: o.Groups,
	}
}

// Conv2d is a convolution. PyTorch: nn.Conv2d.
type Conv2d struct {
	Weight, Bias torch.Tensor // [out,in/groups,kh,kw], [out]
	conv         torch.Conv
	normalised
}

// NewConv2d makes a layer [N,in,H,W] -> [N,out,H',W'] with a square kernel and PyTorch's default initialisation, drawn from g.
func NewConv2d(s *torch.Scope, g *torch.Generator, in, out, kernel int, o ConvOptions) *Conv2d {
	return NewConv2dOblong(s, g, in, out, [2]int{kernel, kernel}, o.square(), o.NoBias)
}

// NewConv2dOblong is NewConv2d with a kernel and options that are {height, width} each.
func NewConv2dOblong(s *torch.Scope, g *torch.Generator, in, out int, kernel [2]int, o torch.Conv, noBias bool) *Conv2d {
	c := &Conv2d{conv: o}
	in /= max(o.Groups, 1)
	c.Weight, c.Bias = convWeights(s, g, []int{out, in, kernel[0], kernel[1]}, out, in*kernel[0]*kernel[1], noBias)
	return c
}

// Forward is [N,in,H,W] -> [N,out,H',W'].
func (c *Conv2d) Forward(x torch.Tensor) torch.Tensor {
	return c.with(c.Weight, x, func(w torch.Tensor) torch.Tensor { return x.Conv2d(w, c.Bias, c.conv) })
}

// State is weight, bias.
func (c *Conv2d) State(prefix string, visit func(Entry)) {
	c.state(prefix, c.Weight, c.Bias, visit)
}

// ConvTranspose2d is a transposed convolution. PyTorch: nn.ConvTranspose2d.
type ConvTranspose2d struct {
	Weight, Bias torch.Tensor // [in,out/groups,kh,kw], [out]
	conv         torch.Conv
	normalised
}

// NewConvTranspose2d makes a layer [N,in,H,W] -> [N,out,H',W'] with a square kernel and PyTorch's default initialisation,
// drawn from g.
func NewConvTranspose2d(s *torch.Scope, g *torch.Generator, in, out, kernel int, o ConvOptions) *ConvTranspose2d {
	return NewConvTranspose2dOblong(s, g, in, out, [2]int{kernel, kernel}, o.square(), o.NoBias)
}

// NewConvTranspose2dOblong is NewConvTranspose2d with a kernel and options that are {height, width} each.
func NewConvTranspose2dOblong(s *torch.Scope, g *torch.Generator, in, out int, kernel [2]int, o torch.Conv, noBias bool) *ConvTranspose2d {
	c := &ConvTranspose2d{conv: o}
	// PyTorch takes the fan-in from the weight's second dim, which here counts the outputs.
	each := out / max(o.Groups, 1)
	c.Weight, c.Bias = convWeights(s, g, []int{in, each, kernel[0], kernel[1]}, out, each*kernel[0]*kernel[1], noBias)
	return c
}

// Forward is [N,in,H,W] -> [N,out,H',W'].
func (c *ConvTranspose2d) Forward(x torch.Tensor) torch.Tensor {
	return c.with(c.Weight, x, func(w torch.Tensor) torch.Tensor { return x.ConvTranspose2d(w, c.Bias, c.conv) })
}

// State is weight, bias.
func (c *ConvTranspose2d) State(prefix string, visit func(Entry)) {
	c.state(prefix, c.Weight, c.Bias, visit)
}

// convWeights draws weight and bias as nn.Conv2d.reset_parameters: kaiming_uniform with a = sqrt(5), which comes to
// U(-1/sqrt(fan), 1/sqrt(fan)) for both.
func convWeights(s *torch.Scope, g *torch.Generator, shape []int, out, fan int, noBias bool) (weight, bias torch.Tensor) {
	bound := 1 / math.Sqrt(float64(fan))
	weight = s.Zeros(shape...)
	if len(shape) == 4 {
		planar := weight
		weight = planar.ToFormat(s.Format())
		planar.Release()
	}
	draw(weight, g, bound)
	weight.RequireGrad()
	if !noBias {
		bias = s.Zeros(out)
		draw(bias, g, bound)
		bias.RequireGrad()
	}
	return weight, bias
}

// draw fills t from U(-bound, bound); without a stream it leaves the zeros, for a layer that is to be loaded.
func draw(t torch.Tensor, g *torch.Generator, bound float64) {
	if g != nil {
		t.Uniform(g, -bound, bound)
	}
}

func weightAndBias(prefix string, weight, bias torch.Tensor, visit func(Entry)) {
	if weight.Valid() {
		visit(Entry{Name: join(prefix, "weight"), Tensor: weight})
	}
	if bias.Valid() {
		visit(Entry{Name: join(prefix, "bias"), Tensor: bias})
	}
}

// BatchNorm2d normalises by channel. PyTorch: nn.BatchNorm2d.
type BatchNorm2d struct {
	norm torch.Norm
	sync bool // by the statistics of a batch that others have a share of
}

// NewBatchNorm2d makes a layer for [N,channels,H,W] with PyTorch's defaults: momentum .1, eps 1e-5, affine.
func NewBatchNorm2d(s *torch.Scope, channels int) *BatchNorm2d {
	return NewBatchNorm2dWith(s, channels, NormOptions{})
}

// Forward keeps x's shape. In a training scope it uses the batch's statistics and updates the running ones.
func (b *BatchNorm2d) Forward(x torch.Tensor) torch.Tensor {
	if b.shared(x) {
		x.Scope().Count(b.norm.Tracked)
		return b.together(x)
	}
	return x.BatchNorm(b.norm, x.Scope().Training())
}

// State is weight, bias, running_mean, running_var, num_batches_tracked.
func (b *BatchNorm2d) State(prefix string, visit func(Entry)) {
	weightAndBias(prefix, b.norm.Weight, b.norm.Bias, visit)
	visit(Entry{join(prefix, "running_mean"), b.norm.Mean, true})
	visit(Entry{join(prefix, "running_var"), b.norm.Var, true})
	visit(Entry{join(prefix, "num_batches_tracked"), b.norm.Tracked, true})
}

// Dropout zeroes elements with probability P in a training scope and is the identity otherwise. Its numbers come from
// a stream of its own, for the whole of a batch that x is a share of. PyTorch: nn.Dropout.
type Dropout struct {
	P         float64
	Generator *torch.Generator
}

// Forward keeps x's shape.
func (d *Dropout) Forward(x torch.Tensor) torch.Tensor {
	if !x.Scope().Training() {
		return x
	}
	if x.Scope().Share().Of == 0 {
		return x.Dropout(d.Generator, d.P)
	}
	return x.Mul(x.Scope().Drawn(0, func(shape ...int) torch.Tensor {
		ones := x.Scope().FullOf(x.Info().DType, 1, shape...)
		if len(shape) == 4 { // numbers are drawn in the order of memory
			ones = ones.ToFormat(x.Scope().Format())
		}
		return ones.Dropout(d.Generator, d.P)
	}, x.Shape()...))
}

// State is empty.
func (d *Dropout) State(string, func(Entry)) {}

// Activation is a function without state that keeps its input's shape.
type Activation struct {
	op         string // its name in torch.nn.functional
	slope      float64
	tanh       bool
	dims       []int
	made, over func(x torch.Tensor) torch.Tensor // over is nil where the gradient needs the input
	inPlace    bool
}

// Forward keeps x's shape, and x unless a is InPlace.
func (a Activation) Forward(x torch.Tensor) torch.Tensor {
	if a.inPlace {
		return a.over(x)
	}
	return a.made(x)
}

// InPlace is a that overwrites its input, which nobody may need any more; one whose gradient needs the input stays as it
// is. PyTorch: inplace=True.
func (a Activation) InPlace() Activation {
	a.inPlace = a.over != nil
	return a
}

// State is empty.
func (a Activation) State(string, func(Entry)) {}

// ReLU is max(x, 0). PyTorch: nn.ReLU.
func ReLU() Activation {
	return Activation{op: "relu", made: torch.Tensor.ReLU, over: torch.Tensor.ReLUInPlace}
}

// LeakyReLU is x where positive, slope*x elsewhere. PyTorch: nn.LeakyReLU.
func LeakyReLU(slope float64) Activation {
	return Activation{
		op: "leaky_relu", slope: slope,
		made: func(x torch.Tensor) torch.Tensor { return x.LeakyReLU(slope) },
		over: func(x torch.Tensor) torch.Tensor { return x.LeakyReLUInPlace(slope) },
	}
}

// Tanh is the hyperbolic tangent. PyTorch: nn.Tanh.
func Tanh() Activation {
	return Activation{op: "tanh", made: torch.Tensor.Tanh, over: torch.Tensor.TanhInPlace}
}

// Sigmoid is 1/(1+e^-x). PyTorch: nn.Sigmoid.
func Sigmoid() Activation {
	return Activation{op: "sigmoid", made: torch.Tensor.Sigmoid, over: torch.Tensor.SigmoidInPlace}
}

// Reshape gives its input another shape, in which -1 stands for what is left.
type Reshape []int

// Forward is a view where it can be one.
func (r Reshape) Forward(x torch.Tensor) torch.Tensor { return x.Reshape(r...) }

// State is empty.
func (r Reshape) State(string, func(Entry)) {}

// Sequential applies modules in turn. PyTorch: nn.Sequential; the names are the places, "0", "1", ...
type Sequential []Module

// Forward releases what each layer made as soon as the next one has used it; the graph keeps what it needs.
func (q Sequential) Forward(x torch.Tensor) torch.Tensor { return q.ForwardFor(x, torch.Tensor{}) }

// ForwardFor is Forward where the modules that are Conditional are told labels.
func (q Sequential) ForwardFor(x, labels torch.Tensor) torch.Tensor {
	y := x
	var counted []torch.Tensor
	for at := 0; at < len(q); {
		next, done, norm := q.apply(at, y, labels)
		at += done
		if norm != nil && x.Scope().Training() {
			counted = append(counted, norm.norm.Tracked)
		}
		if !y.Same(x) && !y.Same(next) {
			y.Release()
		}
		y = next
	}
	if len(counted) > 0 {
		x.Scope().Count(counted...) // of all normalisations at once: on CUDA each count is a kernel
	}
	return y
}

// apply is what becomes of y in module `at`, or in it and the next one where a batch normalisation and a rectifier are one
// op; done counts the modules. A normalisation, norm, does not count the batch.
func (q Sequential) apply(at int, y, labels torch.Tensor) (next torch.Tensor, done int, norm *BatchNorm2d) {
	switch m := q[at].(type) {
	case *BatchNorm2d:
		norm = m
	case *ConditionalBatchNorm2d:
		if labels.Valid() {
			norm = m.of(labels)
			defer release([]torch.Tensor{norm.norm.Weight, norm.norm.Bias})
		}
	}
	if norm == nil {
		return ForwardFor(q[at], y, labels), 1, nil
	}
	if norm.shared(y) {
		return norm.together(y), 1, norm
	}
	uncounted := norm.norm
	uncounted.Tracked = torch.Tensor{}
	if at+1 < len(q) {
		if a, ok := q[at+1].(Activation); ok && (a.op == "relu" || a.op == "leaky_relu") {
			return y.BatchNormLeakyReLU(uncounted, y.Scope().Training(), a.slope), 2, norm
		}
	}
	return y.BatchNorm(uncounted, y.Scope().Training()), 1, norm
}

// Children are the modules.
func (q Sequential) Children() []Module { return q }

// State visits the modules in turn.
func (q Sequential) State(prefix string, visit func(Entry)) {
	for i, m := range q {
		m.State(join(prefix, strconv.Itoa(i)), visit)
	}
}
