package tfevents

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of event.proto, summary.proto, tensor.proto, the plugins' and struct.proto, a message a line.
const (
	eventTime, eventStep, eventVersion, eventSummary, eventSession, eventSource = 1, 2, 3, 5, 7, 10
	sessionStatus                                                               = 1
	sourceWriter                                                                = 1
	summaryValue                                                                = 1
	valueTag, valueScalar, valueImage, valueTensor, valueMetadata               = 1, 2, 4, 8, 9
	imageHeight, imageWidth, imageColours, imageEncoded                         = 1, 2, 3, 4
	metadataPlugin                                                              = 1
	pluginName, pluginContent                                                   = 1, 2
	tensorType, tensorShape, tensorString                                       = 1, 2, 8
	shapeDim, dimSize                                                           = 2, 1
	layoutCategory, categoryTitle, categoryChart                                = 2, 1, 2
	chartTitle, chartLines, linesTag                                            = 1, 2, 1
	hparamsExperiment, hparamsStart, hparamsEnd                                 = 2, 3, 4
	experimentSetting, experimentMetric                                         = 4, 5
	infoName, infoType, metricName, metricTag                                   = 1, 4, 1, 2
	startSettings, startTime, endStatus, endTime                                = 1, 5, 1, 2
	entryKey, entryValue                                                        = 1, 2
	anyNumber, anyString, anyBool                                               = 2, 3, 4
)

// Values of the enumerations there.
const (
	sessionStarts          = 1
	typeFloat, typeString  = 1, 7
	kindString, kindBool   = 1, 2
	kindNumber             = 3
	statusSuccess          = 1
	fileVersion            = "brain.Event:2"
	hparamsTag, layoutTag  = "_hparams_/", "custom_scalars__config__"
	pluginText, pluginAll  = "text", "custom_scalars"
	pluginHParams          = "hparams"
	textEnding, writerName = "/text_summary", "forger"
)

// message is a protocol buffer as it grows; each method adds a field.
type message []byte

func (m message) integer(field protowire.Number, v int64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
}

func (m message) float(field protowire.Number, v float32) message {
	return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), math.Float32bits(v))
}

func (m message) double(field protowire.Number, v float64) message {
	return protowire.AppendFixed64(protowire.AppendTag(m, field, protowire.Fixed64Type), math.Float64bits(v))
}

func (m message) text(field protowire.Number, v string) message { return m.bytes(field, []byte(v)) }

func (m message) bytes(field protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
}
