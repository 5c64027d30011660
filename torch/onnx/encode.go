package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto, a message a line. Each message is written in their order, as the official library does.
const (
	modelIRVersion, modelProducer, modelProducerVersion, modelGraph, modelOpset, modelMetadata = 1, 2, 3, 7, 8, 14
	graphNode, graphName, graphInitializer, graphInput, graphOutput                            = 1, 2, 5, 11, 12
	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttr                                          = 1, 2, 3, 4, 5
	attrName, attrFloat, attrInt, attrString, attrInts, attrType                               = 1, 2, 3, 4, 8, 20
	tensorDims, tensorType, tensorName, tensorRaw                                              = 1, 2, 8, 9
	valueName, valueType, typeTensor, tensorTypeElem, tensorTypeShape                          = 1, 2, 1, 1, 2
	shapeDim, dimSize, dimName                                                                 = 1, 1, 2
	opsetVersion, entryKey, entryValue                                                         = 2, 1, 2
)

// AttributeProto.AttributeType.
const kindFloat, kindInt, kindString, kindInts = 1, 2, 3, 7

// piece is a stretch of the file: bytes that are known, and behind them the elements of a tensor (none after the last).
type piece struct {
	head   []byte
	tensor *Tensor
	n      int64 // bytes of elements
}

// modelPieces lays the file out. Everything but elements is small, and is encoded here; what the elements will take
// enters the lengths of the messages around them.
func modelPieces(m *Model) ([]piece, error) {
	pieces, err := graphPieces(m)
	if err != nil {
		return nil, err
	}
	head := appendInt(nil, modelIRVersion, irVersion)
	head = appendOptional(head, modelProducer, m.Producer)
	head = appendOptional(head, modelProducerVersion, m.ProducerVersion)
	head = protowire.AppendTag(head, modelGraph, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(total(pieces)))
	pieces[0].head = append(head, pieces[0].head...)

	last := &pieces[len(pieces)-1].head
	*last = appendMessage(*last, modelOpset, appendInt(nil, opsetVersion, opset))
	for _, kv := range m.Metadata {
		*last = appendMessage(*last, modelMetadata, appendString(appendString(nil, entryKey, kv[0]), entryValue, kv[1]))
	}
	return pieces, nil
}

func graphPieces(m *Model) ([]piece, error) {
	var pieces []piece
	var b []byte
	for i := range m.Nodes {
		b = appendMessage(b, graphNode, nodeMessage(&m.Nodes[i]))
	}
	b = appendString(b, graphName, m.Name)
	for i := range m.Initializers {
		t := &m.Initializers[i]
		n, err := t.numBytes()
		if err != nil {
			return nil, fmt.Errorf("initializer %d %q: %w", i, t.Name, err)
		}
		head := tensorHead(t, n)
		b = protowire.AppendTag(b, graphInitializer, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(add(int64(len(head)), n)))
		pieces = append(pieces, piece{append(b, head...), t, n})
		b = nil
	}
	for i := range m.Inputs {
		b = appendMessage(b, graphInput, valueMessage(&m.Inputs[i]))
	}
	for i := range m.Outputs {
		b = appendMessage(b, graphOutput, valueMessage(&m.Outputs[i]))
	}
	return append(pieces, piece{head: b}), nil
}

// total is what the pieces take, math.MaxInt64 when that is not enough.
func total(pieces []piece) int64 {
	var n int64
	for _, p := range pieces {
		n = add(add(n, int64(len(p.head))), p.n)
	}
	return n
}

func add(a, b int64) int64 { return min(a, math.MaxInt64-b) + b }

// tensorHead is a TensorProto up to its n bytes of raw_data, its last field.
func tensorHead(t *Tensor, n int64) []byte {
	var b []byte
	for _, d := range t.Shape {
		b = appendInt(b, tensorDims, int64(d))
	}
	b = appendInt(b, tensorType, dataTypes[t.DType])
	b = appendString(b, tensorName, t.Name)
	b = protowire.AppendTag(b, tensorRaw, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(n))
}

func nodeMessage(n *Node) []byte {
	var b []byte
	for _, name := range n.Inputs {
		b = appendString(b, nodeInput, name)
	}
	for _, name := range n.Outputs {
		b = appendString(b, nodeOutput, name)
	}
	b = appendOptional(b, nodeName, n.Name)
	b = appendString(b, nodeOp, n.Op)
	for _, a := range n.Attrs {
		b = appendMessage(b, nodeAttr, attrMessage(a))
	}
	return b
}

func attrMessage(a Attr) []byte {
	b := appendString(nil, attrName, a.name)
	switch v := a.value.(type) {
	case float32:
		b = protowire.AppendTag(b, attrFloat, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(v))
		return appendInt(b, attrType, kindFloat)
	case int64:
		return appendInt(appendInt(b, attrInt, v), attrType, kindInt)
	case string:
		return appendInt(appendString(b, attrString, v), attrType, kindString)
	case []int64:
		for _, x := range v {
			b = appendInt(b, attrInts, x) // proto2: not packed
		}
	}
	return appendInt(b, attrType, kindInts)
}

// valueMessage is a ValueInfoProto with a TypeProto.Tensor. The shape is there even when it is empty: a scalar.
func valueMessage(v *Value) []byte {
	var shape []byte
	for _, d := range v.Dims {
		dim := appendOptional(nil, dimName, d.Name)
		if d.Name == "" {
			dim = appendInt(nil, dimSize, int64(d.Size))
		}
		shape = appendMessage(shape, shapeDim, dim)
	}
	tensor := appendInt(nil, tensorTypeElem, dataTypes[v.Type])
	tensor = appendMessage(tensor, tensorTypeShape, shape)
	return appendMessage(appendString(nil, valueName, v.Name), valueType, appendMessage(nil, typeTensor, tensor))
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendOptional(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(b, field, s)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}
