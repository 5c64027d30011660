package gan

import (
	"maps"
	"slices"

	"forger/data"
)

// Choice is a word that a setting takes, and what it means.
type Choice struct{ Word, Doc string }

// Choices lists, for the settings whose words need a sentence, every word of their tables: for a help text.
func Choices() map[string][]Choice {
	return map[string][]Choice{
		"data":  choices(data.Sources, func(s data.Source) Choice { return Choice{s.Usage, s.Doc} }),
		"model": choices(models, func(m model) Choice { return Choice{"", m.doc} }),
		"loss":  choices(Objectives, func(o Objective) Choice { return Choice{"", o.Doc} }),
	}
}

// choices is a table in the order of its words; of may leave the word to the table.
func choices[V any](table map[string]V, of func(V) Choice) []Choice {
	var all []Choice
	for _, word := range slices.Sorted(maps.Keys(table)) {
		c := of(table[word])
		if c.Word == "" {
			c.Word = word
		}
		all = append(all, c)
	}
	return all
}
