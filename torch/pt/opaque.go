package pt

// opaque stands for a value that PyTorch's weights_only loader takes and that is not read here, such as a scheduler's Counter
// beside the networks. It is passed over; only asking for it, or writing it, is an error.
type opaque struct{ what string }

func (o *opaque) String() string { return o.what }

// unread are PyTorch's functions and classes that give such a value.
var unread = map[string]string{
	"collections.Counter":                                 "a Counter",
	"builtins.set":                                        "a set",
	"builtins.bytearray":                                  "a bytearray",
	"builtins.complex":                                    "a complex number",
	"_codecs.encode":                                      "bytes",
	"torch.device":                                        "a device",
	"torch.serialization._get_layout":                     "a layout",
	"torch.storage.TypedStorage":                          "a storage",
	"torch.Tensor":                                        "a bare torch.Tensor",
	"torch._utils._rebuild_qtensor":                       "a quantized tensor, which tensor.dequantize() makes plain",
	"torch._utils._rebuild_sparse_tensor":                 "a sparse tensor, which tensor.to_dense() makes plain",
	"torch._utils._rebuild_nested_tensor":                 "a nested tensor, which tensor.to_padded_tensor(0) makes plain",
	"torch._utils._rebuild_meta_tensor_no_storage":        "a tensor on the device meta, which has no elements",
	"torch._utils._rebuild_wrapper_subclass":              "a tensor of a class of its own",
	"torch._utils._rebuild_device_tensor_from_numpy":      "a tensor of another device, which tensor.cpu() makes plain",
	"torch._utils._rebuild_device_tensor_from_cpu_tensor": "a tensor of another device, which tensor.cpu() makes plain",
}

// constants are PyTorch's values that are named and not made.
var constants = []string{
	"torch.int1", "torch.int2", "torch.int3", "torch.int4", "torch.int5", "torch.int6", "torch.int7",
	"torch.uint1", "torch.uint2", "torch.uint3", "torch.uint4", "torch.uint5", "torch.uint6", "torch.uint7",
	"torch.bits1x8", "torch.bits2x4", "torch.bits4x2", "torch.bits8", "torch.bits16",
	"torch.qint8", "torch.qint32", "torch.quint8", "torch.quint4x2", "torch.quint2x4",
	"torch.per_tensor_affine", "torch.per_tensor_symmetric",
	"torch.per_channel_affine", "torch.per_channel_symmetric", "torch.per_channel_affine_float_qparams",
}

// quantized are the storage classes of types that are not read, with the size of an element in bytes.
var quantized = map[string]int64{"QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4, "QUInt4x2Storage": 1, "QUInt2x4Storage": 1}

// unreadError says that an opaque value cannot be written.
type unreadError struct{ of *opaque }

func (e *unreadError) Error() string {
	return e.of.what + ": not read, and so not written: leave it out"
}
