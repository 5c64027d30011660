package torch

/*
#include <stdlib.h>
#include "gotorch.h"
*/
import "C"

import "unsafe"

// ScriptState is a tensor of a TorchScript module and its key in the state_dict.
type ScriptState struct {
	Key    string
	Tensor Tensor
	Buffer bool
}

// SaveScript writes a TorchScript module to path: its state under its keys ("main.0.weight" is weight of module 0 of
// module main), and a forward whose definition is source, in TorchScript's language. PyTorch: torch.jit.load opens it.
func (s *Scope) SaveScript(path, source string, state []ScriptState) {
	s.check("script")
	text, file := C.CString(source), C.CString(path)
	defer C.free(unsafe.Pointer(text))
	defer C.free(unsafe.Pointer(file))
	keys, tensors, buffers := make([]*C.char, len(state)), make([]*C.gt_tensor, len(state)), make([]C.int, len(state))
	for i, e := range state {
		keys[i] = C.CString(e.Key)
		defer C.free(unsafe.Pointer(keys[i]))
		tensors[i], buffers[i] = handle("script", s, e.Tensor), cbool(e.Buffer)
	}
	s.must("script", C.gt_script_save(s.h, text, unsafe.SliceData(keys), unsafe.SliceData(tensors), unsafe.SliceData(buffers),
		C.int(len(state)), file))
}

// Script is a TorchScript module.
type Script owned[*C.gt_script]

func (m *Script) own() *owned[*C.gt_script] { return (*owned[*C.gt_script])(m) }

// OpenScript reads the TorchScript module of a file to s's device, in inference mode. Free it before s is closed. PyTorch:
// torch.jit.load.
func (s *Scope) OpenScript(path string) *Script {
	s.check("script")
	file := C.CString(path)
	defer C.free(unsafe.Pointer(file))
	h := C.gt_script_open(s.h, file)
	if h == nil {
		s.fail("script")
	}
	return &Script{h, s}
}

// mostResults is how many tensors a module may give.
const mostResults = 8

// Call is what the module makes of x: one tensor or several, in x's scope. A module that asks for return_features is told
// that they are wanted.
func (m *Script) Call(x Tensor) []Tensor {
	const op = "script"
	h := m.own().use(op)
	s := x.one(op)
	meet(op, s, m.s)
	var out [mostResults]*C.gt_tensor
	var n C.int
	s.must(op, C.gt_script_forward(s.h, h, x.h, &out[0], mostResults, &n), x)
	all := make([]Tensor, min(int(n), mostResults))
	for i := range all {
		all[i] = s.made(op, out[i])
	}
	return all
}

// Free releases m. A second Free does nothing.
func (m *Script) Free() { m.own().drop("script.free", func(h *C.gt_script) { C.gt_script_free(h) }) }
