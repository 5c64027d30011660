// Package gan is the front door: a run's config, put together from the options of the rooms below, and a file for each of
// the program's commands.
package gan
