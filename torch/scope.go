package torch

/*
#include "gotorch.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
)

// Scope is an arena of tensors and the context of every call on them: device, grad mode, train or eval, precision, the
// last error. It belongs to the goroutine that made its root; use or Close from another panics.
type Scope struct {
	h        *C.gt_scope
	parent   *Scope
	children []*Scope
	depth    int
	set      settings
	closed   bool
	sealed   bool
}

type settings struct {
	device Device
	noGrad bool
	eval   bool
	bf16   bool
	dtype  DType
	format Format
	share  Share

	conv    int // gt_conv
	threads int // intra-op
}

// Option changes what a new scope inherits from its parent.
type Option func(*settings)

// NoGrad: ops record no graph.
func NoGrad(s *settings) { s.noGrad = true }

// WithGrad: ops record a graph again.
func WithGrad(s *settings) { s.noGrad = false }

// Eval: modules use running statistics and drop nothing out.
func Eval(s *settings) { s.eval = true }

// Train undoes Eval.
func Train(s *settings) { s.eval = false }

// BF16: products and convolutions compute in bfloat16 (autocast); parameters stay as they are.
func BF16(s *settings) { s.bf16 = true }

// Of names the dtype of new tensors for which none is given: Float32 unless this says otherwise.
// PyTorch: torch.set_default_dtype.
func Of(d DType) Option { return func(s *settings) { s.dtype = d } }

// Layout names the order in memory of new images and convolution weights: Contiguous unless this says ChannelsLast.
func Layout(f Format) Option { return func(s *settings) { s.format = f } }

// On names the device of the scope's new tensors.
func On(d Device) Option { return func(s *settings) { s.device = d } }

// Threads asks for n intra-op threads, at most MaxThreads; 0 for libtorch's default.
func Threads(n int) Option { return func(s *settings) { s.threads = n } }

// MaxThreads is the most that Threads takes: a few a processor, or as many as a larger machine has, whose run may go on
// here with as many, or its bits would differ.
func MaxThreads() int { return max(256, 4*runtime.NumCPU()) }

// NewScope makes a root scope, on the CPU unless On says otherwise. The calling goroutine is locked to its OS thread
// until the scope is closed. The error says that libtorch, or the device, is not there.
func NewScope(options ...Option) (*Scope, error) {
	if err := Load(); err != nil {
		return nil, err
	}
	set := settings{conv: int(BestConv())}
	if err := set.change(options); err != nil {
		return nil, fmt.Errorf("torch: scope: %w", err)
	}
	if set.device.CUDA {
		if err := set.device.there(); err != nil {
			return nil, err
		}
	}
	runtime.LockOSThread()
	s := newScope(nil, set)
	if set.device.CUDA {
		// A stream of its own: what the default stream is given cannot be captured.
		if code := C.gt_scope_own_stream(s.h); code != C.GT_OK {
			_, text := s.lastError()
			s.Close()
			return nil, fmt.Errorf("torch: device %s: %s: check nvidia-smi, or use --device cpu", set.device, oneLine(text))
		}
	}
	return s, nil
}

// change applies options to s. The error says which of them no scope can have.
func (s *settings) change(options []Option) error {
	for _, o := range options {
		o(s)
	}
	if s.threads == 0 {
		s.threads = DefaultThreads()
	}
	if s.threads < 0 || s.threads > MaxThreads() {
		return fmt.Errorf("%d threads: use 1 to %d, or 0 for one a core", s.threads, MaxThreads())
	}
	if p := s.share; p.First < 0 || p.Count < 0 || p.First+p.Count > p.Of || p.Of > 0 && p.Count == 0 {
		return fmt.Errorf("rows %d to %d of a batch of %d: use some that it has", p.First, p.First+p.Count, p.Of)
	}
	if k := ConvKernels(s.conv &^ C.GT_CONV_ALWAYS); convNames[k] == "" || k > BestConv() {
		return errors.New("convolutions by kernels that this processor does not run: use BestConv at most")
	}
	return nil
}

func newScope(parent *Scope, set settings) *Scope {
	s := &Scope{parent: parent, set: set}
	var up *C.gt_scope
	if parent != nil {
		up, s.depth = parent.h, parent.depth+1
	}
	s.h = C.gt_scope_new(up, C.int(set.device.kind()), C.int(set.device.Index), cbool(!set.noGrad), cbool(set.bf16),
		C.int(set.conv), C.int(set.threads))
	if s.h == nil {
		if parent != nil {
			parent.here("scope")
		}
		misuse("scope", OutOfMemory, "the host has no memory left for a scope")
	}
	if parent != nil {
		parent.children = append(parent.children, s)
	}
	return s
}

// Child makes a scope below s that inherits its settings, changed by options; the device stays. It ends with s at the
// latest.
func (s *Scope) Child(options ...Option) *Scope {
	s.check("scope")
	set := s.set
	if err := set.change(options); err != nil {
		misuse("scope", Failed, "%v", err)
	}
	if set.device != s.set.device {
		misuse("scope", Failed, "the scope is on %s: a scope on %s is a root of its own", s.set.device, set.device)
	}
	return newScope(s, set)
}

// Close frees every tensor of s and of the scopes below it. A second Close does nothing.
func (s *Scope) Close() {
	if s == nil || s.h == nil {
		return
	}
	s.here("scope.close")
	for len(s.children) > 0 {
		s.children[len(s.children)-1].Close()
	}
	s.must("scope.close", C.gt_scope_close(s.h))
	s.h, s.closed = nil, true
	if s.parent == nil {
		runtime.UnlockOSThread()
		return
	}
	s.parent.forget(s)
}

func (s *Scope) forget(child *Scope) {
	for i := len(s.children) - 1; i >= 0; i-- {
		if s.children[i] == child {
			s.children = append(s.children[:i], s.children[i+1:]...)
			return
		}
	}
}

// Seal declares s complete, as a model's scope is after construction: from now on an op over its tensors alone panics
// instead of leaking into it. Tensors enter other scopes by Use or by meeting an operand that lives deeper.
func (s *Scope) Seal() {
	s.check("seal")
	s.here("seal")
	s.sealed = true
}

// Use makes t, which lives longer than s, a tensor of s as well, so that results, grad mode and train or eval are s's.
func (s *Scope) Use(t Tensor) Tensor {
	s.check("use")
	t.s.check("use")
	return s.made("use", C.gt_use(s.h, t.s.h, t.h))
}

// Threads is the number of intra-op threads of calls on s.
func (s *Scope) Threads() int {
	s.check("threads")
	var n C.int
	s.must("threads", C.gt_scope_threads(s.h, &n))
	return int(n)
}

// Device is where s makes tensors.
func (s *Scope) Device() Device { return s.inherited("device").device }

// Format is the layout of s's new images and convolution weights.
func (s *Scope) Format() Format {
	if s.inherited("format").format == ChannelsLast {
		return ChannelsLast
	}
	return Contiguous
}

// Training reports whether modules behave as in training.
func (s *Scope) Training() bool { return !s.inherited("training").eval }

func (s *Scope) root() *Scope {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

// inherited is s's settings; they may be asked of a closed scope too.
func (s *Scope) inherited(op string) *settings {
	if s == nil {
		misuse(op, NotInitialised, neverMade)
	}
	return &s.set
}

// Live counts the tensors alive in the whole tree that s belongs to.
func (s *Scope) Live() int {
	s.check("scope.live")
	s.here("scope.live")
	return int(C.gt_scope_live(s.h))
}

// Synchronize waits until the device has done all that it was given.
func (s *Scope) Synchronize() {
	s.check("synchronize")
	s.must("synchronize", C.gt_synchronize(s.h))
}

const (
	neverMade      = "the tensor was never made, or its scope"
	otherGoroutine = "the scope belongs to another goroutine: give each goroutine a root scope of its own"
)

// check panics unless s is there and open.
func (s *Scope) check(op string) {
	if s == nil || s.h == nil {
		s.refuse(op)
	}
}

func (s *Scope) refuse(op string) {
	if s == nil || !s.closed {
		misuse(op, NotInitialised, neverMade)
	}
	misuse(op, Closed, "the scope is closed: its tensors are gone")
}

// here panics on a goroutine that is not the open scope's. Calls into libtorch need no such question: they are asked it.
func (s *Scope) here(op string) {
	if C.gt_scope_live(s.h) < 0 {
		misuse(op, WrongGoroutine, otherGoroutine)
	}
}

// open is check for scopes in which an op is about to make a tensor.
func (s *Scope) open(op string) {
	s.check(op)
	if s.sealed {
		misuse(op, Sealed, "the scope is sealed and would keep the result for ever: bring an operand into a shorter scope with Use")
	}
}

// made is the tensor of a handle that an op returned.
func (s *Scope) made(op string, h *C.gt_tensor, operands ...Tensor) Tensor {
	if h == nil {
		s.fail(op, operands...)
	}
	return Tensor{h: h, s: s}
}

// must panics when an op returned a failure.
func (s *Scope) must(op string, code C.int, operands ...Tensor) {
	if code != C.GT_OK {
		s.fail(op, operands...)
	}
}

func (s *Scope) lastError() (Code, string) {
	code := Code(C.gt_scope_code(s.h))
	if code == WrongGoroutine {
		return code, otherGoroutine
	}
	return code, C.GoString(C.gt_scope_error(s.h))
}
