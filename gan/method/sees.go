package method

import (
	"forger/data"
	"forger/gan/model"
	"forger/torch"
	"forger/torch/nn"
)

// view is a discriminator and how it is shown samples.
type view struct {
	disc  nn.Module
	pack  int          // samples that it judges at once
	bends *augmenter   // of images; nil: none
	blur  torch.Tensor // standard deviation of the noise on them; the zero Tensor: none
	noise source
}

// sees is the logits [N/pack] of samples [N,...], and those of their classes [N,K] where the discriminator names them.
func (v view) sees(x, labels torch.Tensor) (logits, classes torch.Tensor) {
	if v.bends != nil {
		x = v.bends.of(x)
	}
	if v.blur.Valid() {
		x = x.Add(v.noise(x.Scope(), x.Shape()...).Mul(v.blur))
	}
	if v.pack > 1 {
		x = packed(x, v.pack)
	}
	if c, ok := v.disc.(model.Classifier); ok {
		return c.Judge(x)
	}
	return nn.ForwardFor(v.disc, x, labels), classes
}

// packed puts each m samples in a row into one, along the channels: [N,C,H,W] -> [N/m,mC,H,W], [N,D] -> [N/m,mD] (Lin et al.
// 2018, PacGAN).
func packed(x torch.Tensor, m int) torch.Tensor {
	shape := x.Shape()
	shape[0], shape[1] = shape[0]/m, shape[1]*m
	y := x.Reshape(shape...)
	if len(shape) == 4 {
		return y.ToFormat(x.Scope().Format())
	}
	return y
}

// packedShape is what a discriminator of m samples at once is shown.
func packedShape(of data.Shape, m int) data.Shape {
	of.Channels, of.Points = of.Channels*m, of.Points*m
	return of
}
