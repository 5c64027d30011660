package main

import (
	"os"

	"forger/internal/rank"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

// ofOneProcess refuses a command that several ranks would do over and over.
func ofOneProcess(cmd *cobra.Command, _ []string) error {
	w, err := rank.FromEnv(os.LookupEnv)
	if err != nil || w.Size <= 1 {
		return err
	}
	return setting.Usagef("%s starts %d ranks, and %s is of one process: start it without the launcher", w.Launcher, w.Size, cmd.CommandPath())
}
