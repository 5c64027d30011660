// Package torch is the binding to libtorch: the only room that touches it.
//
// A Scope holds the context of every call (device, grad mode, train or eval, precision, the last error) and owns the
// tensors that were born in it; Close frees them all. A Tensor is a small value. The result of an op joins the deepest
// scope among its operands, so a scope is named only where tensors are born:
//
//	s := root.Child()
//	defer s.Close()
//	x := s.Randn(gen, 64, 100)          // [64,100]
//	y := x.MatMul(w).Tanh()             // joins s, though w lives in the model's scope
//
// A tensor that lives longer than the scope it is used in enters with s.Use. Ops panic with *Error, which names op,
// shapes and reason; Catch turns that into an error at the edge. Libtorch keeps state per OS thread, so a root scope
// locks its goroutine to its thread until it is closed, and belongs to that goroutine alone.
//
// docs/torch.md lists what there is by PyTorch's names.
package torch

//go:generate go run ./internal/gentable
