package main

import (
	"bytes"
	"testing"

	"forger/gan/report"

	"github.com/schollz/progressbar/v3"
	"github.com/stretchr/testify/assert"
)

// A line of progress says how the training goes, how long it waited for data, and how long it will take.
func TestProgressSaysStateWaitAndTimeLeft(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, false)
	p.Started(report.Started{Device: "cpu", Why: "asked for", TotalSteps: 100})
	out.Reset()
	line := report.Line{Step: 100, Epoch: 1.5, Means: []report.Mean{{Label: "loss D", Value: 1.25}}, ImagesPerSecond: 321.4, DataWait: .034}
	p.Logged(line)
	assert.Equal(t, "step 100/100  training  epoch 1.50  321 images/s  data wait 3%  loss D 1.250  0s left\n", out.String())
	out.Reset()
	line.State = "collapsed"
	p.bar = progressbar.NewOptions64(100, progressbar.OptionSetWriter(&out), progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(false))
	p.Logged(line)
	assert.Contains(t, out.String(), "collapsed 321/s wait 3% loss D 1.25")
}
