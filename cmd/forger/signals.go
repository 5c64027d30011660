package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// withSignals ends the context at the first SIGINT, SIGTERM or SIGHUP, so that the work in hand is finished and saved,
// and calls abort at the second.
func withSignals(parent context.Context, abort func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for n := 0; ; n++ {
			if _, ok := <-signals; !ok {
				return
			}
			if n > 0 {
				abort()
				return
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}
