package gan

// Observer is told of a run's progress, on the goroutine that trains: it must not block.
type Observer interface {
	Started(Started)
	Stepped(step, images int64)
	Logged(LogLine)
	Wrote(path string) // a sample grid or a checkpoint
	Warned(text string)
}

// Started is what is known once everything was checked.
type Started struct {
	Dir        string // the run directory; empty on a dry run
	Device     string
	Why        string // this device
	Images     int    // of an epoch
	Resolved   Resolved
	Step       int64 // done before: 0 but for a resumed run
	TotalSteps int64 // when the first bound is reached
}

// LogLine is an object of metrics.jsonl: means since the last log, scores before the discriminator's update.
type LogLine struct {
	Step            int64   `json:"step"`
	Images          int64   `json:"images"` // real images shown
	Epoch           float64 `json:"epoch"`
	LossD           float64 `json:"loss_d"`
	LossG           float64 `json:"loss_g"`
	DReal           float64 `json:"d_real"` // probability for minimax and nonsaturating, else the raw score
	DFake           float64 `json:"d_fake"`
	ImagesPerSecond float64 `json:"images_per_second"`
	DataWait        float64 `json:"data_wait"` // share of the time that the step waited for data
	Seconds         float64 `json:"seconds"`   // since the start
}

// Result is what a finished run leaves.
type Result struct {
	Dir        string
	Step       int64
	Images     int64
	LastSample string
	Checkpoint string
	Stopped    bool // by a signal, before its bound
}
