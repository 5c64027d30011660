// Package pt reads and writes the files of torch.save (the zip format, PyTorch 1.6 and newer) in pure Go.
//
// What Write makes is opened by torch.load(path, weights_only=True) of PyTorch 2.x. What Open reads is what that
// loader accepts of a file of tensors: dicts, OrderedDicts, lists, tuples, strings, numbers and dense tensors.
// The pickle inside is run by a machine that knows a fixed table of globals and nothing else, so a file
// cannot run code, whoever made it; every size in it is checked against the size of the file.
//
// A file is a tree of these Go values:
//
//	*Dict     collections.OrderedDict or dict, keys string or int64
//	[]any     list
//	Tuple     tuple, torch.Size
//	string, bool, nil, float64
//	int64     int (uint64 for one between 2^63 and 2^64-1: seeds are)
//	DType     torch.float32 and its like
//	*Tensor   torch.Tensor, torch.nn.Parameter
//
// The file format is described in PyTorch's caffe2/serialize/inline_container.h and torch/serialization.py.
package pt
