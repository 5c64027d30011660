package torch

/*
#include "gotorch.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Full makes a tensor of one value, of the scope's dtype. PyTorch: torch.full.
func (s *Scope) Full(value float64, shape ...int) Tensor {
	return s.FullOf(s.inherited("full").dtype, value, shape...)
}

// FullOf is Full for a dtype of its own.
func (s *Scope) FullOf(d DType, value float64, shape ...int) Tensor {
	s.open("full")
	p, n := sizes(shape)
	return s.made("full", C.gt_full(s.h, p, n, C.double(value), C.int(d)))
}

// Zeros makes a tensor of zeros.
func (s *Scope) Zeros(shape ...int) Tensor { return s.Full(0, shape...) }

// Ones makes a tensor of ones.
func (s *Scope) Ones(shape ...int) Tensor { return s.Full(1, shape...) }

// ZerosLike makes a tensor of zeros with t's shape, dtype, device and layout, in s.
func (s *Scope) ZerosLike(t Tensor) Tensor {
	s.open("zeros_like")
	return s.made("zeros_like", C.gt_zeros_like(s.h, handle("zeros_like", s, t)), t)
}

// Randn draws numbers from N(0,1). PyTorch: torch.randn(generator=g).
func (s *Scope) Randn(g *Generator, shape ...int) Tensor {
	defer runtime.KeepAlive(g)
	s.open("randn")
	p, n := sizes(shape)
	return s.made("randn", C.gt_randn(s.h, g.handle("randn"), p, n, C.int(s.set.dtype)))
}

// Rand draws numbers from U[0,1). PyTorch: torch.rand(generator=g).
func (s *Scope) Rand(g *Generator, shape ...int) Tensor {
	defer runtime.KeepAlive(g)
	s.open("rand")
	p, n := sizes(shape)
	return s.made("rand", C.gt_rand(s.h, g.handle("rand"), p, n, C.int(s.set.dtype)))
}

// FromBytes copies data, little-endian elements in row-major order, to the scope's device. On CUDA the copy goes
// through pinned memory and does not wait.
func (s *Scope) FromBytes(data []byte, d DType, shape ...int) Tensor {
	s.open("from_bytes")
	p, n := sizes(shape)
	return s.made("from_bytes", C.gt_from_bytes(s.h, bytesPtr(data), C.size_t(len(data)), p, n, C.int(d)))
}

// FromFloats copies values to a float32 tensor on the scope's device.
func (s *Scope) FromFloats(values []float32, shape ...int) Tensor {
	return s.FromBytes(asBytes(values), Float32, shape...)
}

// FromDoubles copies values to a float64 tensor on the scope's device.
func (s *Scope) FromDoubles(values []float64, shape ...int) Tensor {
	return s.FromBytes(asBytes(values), Float64, shape...)
}

// FromInts copies values to an int64 tensor on the scope's device: labels, indices.
func (s *Scope) FromInts(values []int64, shape ...int) Tensor {
	return s.FromBytes(asBytes(values), Int64, shape...)
}

// Images uploads uint8 images [N,H,W,C] and scales them to [-1,1] on the device: float32 [N,C,H,W] in the scope's layout.
// It is torchvision's ToTensor and Normalize(.5,.5) in one call.
func (s *Scope) Images(pixels []byte, n, h, w, c int) Tensor {
	s.open("images")
	if len(pixels) != n*h*w*c {
		misuse("images", Failed, "%d bytes for [%d,%d,%d,%d]", len(pixels), n, h, w, c)
	}
	return s.made("images", C.gt_images(s.h, bytesPtr(pixels), C.int64_t(n), C.int64_t(h), C.int64_t(w), C.int64_t(c),
		C.int(s.Format())))
}

// Gather picks images by their indices out of store, uint8 [N,H,W,C] on the scope's device, mirrors those that flip says
// (nil: none), and scales them as Images does: float32 [len(index),C,H,W]. Only indices and flips cross to the device.
func (s *Scope) Gather(store Tensor, index []int64, flip []bool) Tensor {
	s.open("gather")
	if flip != nil && len(flip) != len(index) {
		misuse("gather", Failed, "%d indices, %d flips", len(index), len(flip))
	}
	return s.made("gather", C.gt_gather_images(s.h, handle("gather", s, store), (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(index))),
		(*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(flip))), C.int64_t(len(index)), C.int(s.Format())), store)
}

// GatherPoints picks points by their indices out of store, uint8 [N,4d] on the scope's device that holds float32 [N,d],
// little-endian: float32 [len(index),d]. Only indices cross to the device.
func (s *Scope) GatherPoints(store Tensor, index []int64) Tensor {
	s.open("gather")
	return s.made("gather", C.gt_gather_points(s.h, handle("gather", s, store), (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(index))),
		C.int64_t(len(index))), store)
}

// FillRows overwrites n rows of t, a uint8 tensor, from row first on.
func (t Tensor) FillRows(first, n int, data []byte) {
	t.s.check("fill_rows")
	t.s.must("fill_rows", C.gt_fill_rows(t.s.h, t.h, C.int64_t(first), C.int64_t(n), bytesPtr(data), C.size_t(len(data))), t)
}

// Pixels is the inverse of Images: [N,C,H,W] in [-1,1] to uint8 [N,H,W,C] on the host, rounded and clipped.
func (t Tensor) Pixels() []byte {
	s := t.one("pixels")
	u := s.made("pixels", C.gt_to_uint8(s.h, t.h), t)
	defer u.Release()
	return u.Bytes()
}

// Bytes copies t to the host: little-endian elements in row-major order. It waits for the device.
func (t Tensor) Bytes() []byte {
	info := t.Info()
	size := info.DType.Size()
	for _, n := range info.Shape {
		size *= n
	}
	data := make([]byte, size)
	t.ReadInto(data)
	return data
}

// ReadInto is Bytes into a buffer of exactly t's size.
func (t Tensor) ReadInto(data []byte) {
	t.s.check("read")
	t.s.must("read", C.gt_to_bytes(t.s.h, t.h, bytesPtr(data), C.size_t(len(data))), t)
}

// Floats copies t to the host as float32.
func (t Tensor) Floats() []float32 { return hostAs[float32](t, Float32) }

// Doubles copies t to the host as float64.
func (t Tensor) Doubles() []float64 { return hostAs[float64](t, Float64) }

// Ints copies t to the host as int64.
func (t Tensor) Ints() []int64 { return hostAs[int64](t, Int64) }

// Item is the value of a tensor with one element.
func (t Tensor) Item() float64 {
	values := t.Doubles()
	if len(values) != 1 {
		misuse("item", Failed, "%s has %d elements, not one", t, len(values))
	}
	return values[0]
}

func hostAs[T number](t Tensor, d DType) []T {
	t.s.check("read")
	s := t.s.Child(NoGrad)
	defer s.Close()
	x := s.Use(t).To(d)
	n := 1
	for _, size := range x.Shape() {
		n *= size
	}
	v := make([]T, n)
	x.ReadInto(asBytes(v))
	return v
}

// To converts t to another dtype.
func (t Tensor) To(d DType) Tensor {
	info := t.Info()
	return t.convert(info.Device, d, Preserve)
}

// ToDevice copies t to d.
func (t Tensor) ToDevice(d Device) Tensor { return t.convert(d, t.Info().DType, Preserve) }

// ToFormat lays a 4-dim t out as f says.
func (t Tensor) ToFormat(f Format) Tensor {
	info := t.Info()
	return t.convert(info.Device, info.DType, f)
}

func (t Tensor) convert(d Device, dt DType, f Format) Tensor {
	s := t.one("to")
	return s.made("to", C.gt_to(s.h, t.h, C.int(d.kind()), C.int(d.Index), C.int(dt), C.int(f)), t)
}

// Clone copies t; the copy is part of the graph.
func (t Tensor) Clone() Tensor {
	s := t.one("clone")
	return s.made("clone", C.gt_clone(s.h, t.h), t)
}

// Detach is t without its graph, over the same memory.
func (t Tensor) Detach() Tensor {
	s := t.one("detach")
	return s.made("detach", C.gt_detach(s.h, t.h), t)
}

// CopyFrom overwrites t's values with u's, broadcast and converted. It records no graph.
func (t Tensor) CopyFrom(u Tensor) {
	s := both("copy_", t, u)
	s.must("copy_", C.gt_copy_(s.h, t.h, u.h), t, u)
}

// Fill overwrites t's values. It records no graph.
func (t Tensor) Fill(value float64) {
	t.s.check("fill_")
	t.s.must("fill_", C.gt_fill_(t.s.h, t.h, C.double(value)), t)
}

// Normal overwrites t with draws from N(mean, std^2). PyTorch: nn.init.normal_.
func (t Tensor) Normal(g *Generator, mean, std float64) {
	defer runtime.KeepAlive(g)
	t.s.check("normal_")
	t.s.must("normal_", C.gt_normal_(t.s.h, t.h, g.handle("normal_"), C.double(mean), C.double(std)), t)
}

// Uniform overwrites t with draws from U[from,to). PyTorch: nn.init.uniform_.
func (t Tensor) Uniform(g *Generator, from, to float64) {
	defer runtime.KeepAlive(g)
	t.s.check("uniform_")
	t.s.must("uniform_", C.gt_uniform_(t.s.h, t.h, g.handle("uniform_"), C.double(from), C.double(to)), t)
}

func bytesPtr(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

type number interface{ float32 | float64 | int64 }

// asBytes sees numbers as their bytes; libtorch, like every machine it runs on here, is little-endian.
func asBytes[T number](v []T) []byte {
	var one T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(one)))
}
