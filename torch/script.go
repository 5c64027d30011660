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
