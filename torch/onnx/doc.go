// Package onnx writes ONNX models (opset 17, IR version 8) in pure Go, message by message with protowire and without
// generated code. The field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
//
// It knows the format and no operator: which inputs and attributes a Conv takes is the caller's business, and
// onnx.checker's (https://onnx.ai/onnx/operators). What Write does check is what every reader relies on: each value is
// defined once and before it is read, and each initializer has as many bytes as its shape says.
//
// The elements of an initializer are asked for when their turn comes and go straight to the file, so a model takes no
// more memory than its largest tensor. The same model makes the same bytes, in the order of the official protobuf
// library.
package onnx
