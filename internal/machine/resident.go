package machine

import (
	"fmt"
	"os"
	"strings"
)

// Resident is how much of this process lies in memory, in bytes: now, and at most since it began or ResetResident.
func Resident() (now, most int64, err error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, fmt.Errorf("memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		name, rest, _ := strings.Cut(line, ":")
		if name != "VmRSS" && name != "VmHWM" {
			continue
		}
		if _, err := fmt.Sscan(rest, &kib); err != nil {
			return 0, 0, fmt.Errorf("memory: %s: %w", name, err)
		}
		if name == "VmRSS" {
			now = kib << 10
		} else {
			most = kib << 10
		}
	}
	return now, most, nil
}

// ResetResident makes the most what is in memory now.
func ResetResident() error {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	return nil
}
