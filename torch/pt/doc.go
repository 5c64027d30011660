// Package pt reads and writes the files of torch.save (the zip format, PyTorch 1.6 and newer) in pure Go.
//
// What Write makes is opened by torch.load(path, weights_only=True) of PyTorch 2.x. Open opens what that loader takes, and
// reads dicts, OrderedDicts, lists, tuples, strings, numbers and dense tensors of it. Anything else, such as a scheduler's
// Counter beside the networks or a sparse tensor, is passed over, and an error only where it is asked for (At, Match, Write).
// The pickle inside is run by a machine that knows a fixed table of globals and nothing else, so a file
// cannot run code, whoever made it; every size in it is checked against the size of the file, and what it makes takes
// 64 MiB and six times the file of memory at most.
//
// A file is a tree of these Go values:
//
//	*Dict     collections.OrderedDict or dict, keys string or int64 (others are passed over)
//	[]any     list
//	Tuple     tuple, torch.Size
//	string, bool, nil, float64
//	int64     int (uint64 for one between 2^63 and 2^64-1: seeds are)
//	DType     torch.float32 and its like
//	*Tensor   torch.Tensor, torch.nn.Parameter
//
// The file format is described in PyTorch's caffe2/serialize/inline_container.h and torch/serialization.py.
package pt
