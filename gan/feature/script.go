package feature

import (
	"fmt"

	"forger/torch"
)

// script is a network of a TorchScript file, such as the FID Inception of StyleGAN2-ADA. It makes features [N,F] of images
// [N,3,H,W], or features and logits [N,K].
func script(f From) (_ *Extractor, err error) {
	sum, err := contents(f.Path)
	if err != nil {
		return nil, fmt.Errorf("--features %s: %w: name a TorchScript file", f.Path, err)
	}
	low, high, _ := ends(f.Options.Range)
	in := input{side: f.Options.Size, resizer: f.Options.Resizer, scale: (high - low) / 255, shift: low, range_: f.Options.Range}
	prepare := in.of(f)
	net, err := openScript(f)
	if err != nil {
		return nil, fmt.Errorf("--features %s: %w: name what torch.jit.save wrote", f.Path, err)
	}
	e := &Extractor{
		Of: func(x torch.Tensor) (features, logits torch.Tensor) {
			features, logits, err := halves(net.Call(prepare(x)), x.Shape()[0])
			if err != nil {
				panic(&torch.Error{Op: "script", Code: torch.Failed, Msg: err.Error()})
			}
			return features, logits
		},
		free: net.Free,
	}
	if e.Width, err = tried(e, f); err != nil {
		net.Free()
		return nil, fmt.Errorf("--features %s: of images of %s it makes nothing that can be compared: %w: see --feature-size", f.Path, f.Shape, err)
	}
	e.Protocol = fmt.Sprintf("torchscript %s, %s, %d features", sum, in, e.Width)
	return e, nil
}

func openScript(f From) (net *torch.Script, err error) {
	defer torch.Catch(&err)
	return f.Scope.OpenScript(f.Path), nil
}

// tried is how many features an extractor makes of two images of the data's shape.
func tried(e *Extractor, f From) (width int, err error) {
	defer torch.Catch(&err)
	c := f.Scope.Child()
	defer c.Close()
	features, _ := e.Of(c.Zeros(2, f.Shape.Channels, f.Shape.Height, f.Shape.Width))
	return features.Shape()[1], nil
}

// halves are the features and, where there are any, the logits that a network made of n images.
func halves(made []torch.Tensor, n int) (features, logits torch.Tensor, err error) {
	if len(made) < 1 || len(made) > 2 {
		return features, logits, fmt.Errorf("%d tensors, and not features or features and logits", len(made))
	}
	for i, x := range made {
		shape := x.Shape()
		if len(shape) == 4 && shape[2] == 1 && shape[3] == 1 {
			shape = shape[:2]
		}
		if len(shape) != 2 || shape[0] != n {
			return features, logits, fmt.Errorf("%v of %d images, and not [%d,F]: end it in a pool over the image", x.Shape(), n, n)
		}
		made[i] = x.Reshape(shape...).To(torch.Float32)
	}
	features = made[0]
	if len(made) == 2 {
		logits = made[1]
	}
	return features, logits, nil
}
