package torch

// Resident has optimizer steps and averages on the CPU take their rates as a CUDA device does: unread.
func Resident(s *settings) { s.resident = true }
