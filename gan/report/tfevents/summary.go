package tfevents

import (
	"maps"
	"slices"
	"time"
)

// Scalar is a figure and the tag it is charted under.
type Scalar struct {
	Tag   string
	Value float64 // kept as a float32
}

// Image is a picture as it lies in a PNG file.
type Image struct {
	Tag           string
	Height, Width int
	Channels      int // 1 gray, 3 RGB, 4 RGBA
	PNG           []byte
}

// Chart shows several scalars together.
type Chart struct {
	Title string
	Tags  []string
}

func scalars(of []Scalar) (summary message) {
	for _, s := range of {
		summary = summary.bytes(summaryValue, message(nil).text(valueTag, s.Tag).float(valueScalar, float32(s.Value)))
	}
	return summary
}

func image(i Image) message {
	picture := message(nil).integer(imageHeight, int64(i.Height)).integer(imageWidth, int64(i.Width)).
		integer(imageColours, int64(i.Channels)).bytes(imageEncoded, i.PNG)
	return message(nil).bytes(summaryValue, message(nil).text(valueTag, i.Tag).bytes(valueImage, picture))
}

// note is Markdown under a tag.
func note(tag, markdown string) message {
	one := message(nil).bytes(shapeDim, message(nil).integer(dimSize, 1))
	tensor := message(nil).integer(tensorType, typeString).bytes(tensorShape, one).text(tensorString, markdown)
	return ofPlugin(tag+textEnding, pluginText, nil, tensor)
}

// layout is charts of several scalars each, one category of all of them.
func layout(title string, charts []Chart) message {
	category := message(nil).text(categoryTitle, title)
	for _, c := range charts {
		var lines message
		for _, tag := range c.Tags {
			lines = lines.text(linesTag, tag)
		}
		category = category.bytes(categoryChart, message(nil).text(chartTitle, c.Title).bytes(chartLines, lines))
	}
	all := message(nil).bytes(layoutCategory, category)
	return ofPlugin(layoutTag, pluginAll, nil, message(nil).integer(tensorType, typeString).bytes(tensorShape, nil).bytes(tensorString, all))
}

// experiment says which settings there are, and by which scalars sessions are compared.
func experiment(settings map[string]any, metrics []string) message {
	var about message
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		_, kind := anything(settings[name])
		about = about.bytes(experimentSetting, message(nil).text(infoName, name).integer(infoType, kind))
	}
	for _, tag := range metrics {
		about = about.bytes(experimentMetric, message(nil).bytes(metricName, message(nil).text(metricTag, tag)))
	}
	return hparams("experiment", message(nil).bytes(hparamsExperiment, about))
}

func sessionStart(settings map[string]any, at time.Time) message {
	var start message
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value, _ := anything(settings[name])
		start = start.bytes(startSettings, message(nil).text(entryKey, name).bytes(entryValue, value))
	}
	return hparams("session_start_info", message(nil).bytes(hparamsStart, start.double(startTime, seconds(at))))
}

func sessionEnd(at time.Time) message {
	end := message(nil).integer(endStatus, statusSuccess).double(endTime, seconds(at))
	return hparams("session_end_info", message(nil).bytes(hparamsEnd, end))
}

func hparams(name string, content message) message {
	none := message(nil).integer(tensorType, typeFloat).bytes(tensorShape, message(nil).bytes(shapeDim, nil)) // float32 [0]
	return ofPlugin(hparamsTag+name, pluginHParams, content, none)
}

func ofPlugin(tag, plugin string, content, tensor message) message {
	about := message(nil).text(pluginName, plugin)
	if content != nil {
		about = about.bytes(pluginContent, content)
	}
	return message(nil).bytes(summaryValue, message(nil).text(valueTag, tag).bytes(valueTensor, tensor).
		bytes(valueMetadata, message(nil).bytes(metadataPlugin, about)))
}

func seconds(at time.Time) float64 { return float64(at.UnixNano()) / 1e9 }
