package method

import "forger/torch"

// source draws numbers into a scope: of a share of a batch those that its rows have in the whole.
type source func(s *torch.Scope, shape ...int) torch.Tensor

// normals draws from N(0,1); samples lie along dim.
func normals(g *torch.Generator, dim int) source {
	return func(s *torch.Scope, shape ...int) torch.Tensor {
		return s.Drawn(dim, func(shape ...int) torch.Tensor { return s.Randn(g, shape...) }, shape...)
	}
}

// uniforms draws from U[0,1); samples lie along the first dim.
func uniforms(g *torch.Generator) source {
	return func(s *torch.Scope, shape ...int) torch.Tensor {
		return s.Drawn(0, func(shape ...int) torch.Tensor { return s.Rand(g, shape...) }, shape...)
	}
}
