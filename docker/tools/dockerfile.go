package main

import (
	"os"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// dockerfile is what a test asks about: every warning, and each stage's instructions by name.
type dockerfile struct {
	Warnings []string `json:"warnings"`
	Stages   []stage  `json:"stages"`
}

type stage struct {
	Name     string    `json:"name"`
	Base     string    `json:"base"`
	Commands []command `json:"commands"`
}

type command struct {
	Name string `json:"name"`
	// Text is the instruction as it's written; Command has its parts.
	Text    string `json:"text"`
	Command any    `json:"command"`
}

// readDockerfile parses a file with BuildKit's own parser and runs the linter's rules that need no build.
func readDockerfile(path string) (any, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	tree, err := parser.Parse(file)
	if err != nil {
		return nil, err
	}
	read := dockerfile{Warnings: []string{}}
	for _, warning := range tree.Warnings {
		read.Warnings = append(read.Warnings, warning.Short)
	}
	rules := linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, _ []parser.Range) {
			read.Warnings = append(read.Warnings, rule+": "+message)
		},
	})
	stages, _, err := instructions.Parse(tree.AST, rules)
	if err != nil {
		return nil, err
	}
	for _, from := range stages {
		found := stage{Name: from.Name, Base: from.BaseName}
		for _, each := range from.Commands {
			text := each.Name()
			if written, ok := each.(interface{ String() string }); ok {
				text = strings.TrimSpace(written.String())
			}
			found.Commands = append(found.Commands, command{each.Name(), text, each})
		}
		read.Stages = append(read.Stages, found)
	}
	return read, nil
}
