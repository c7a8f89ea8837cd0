package main

import (
	"bytes"
	"context"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

type dockerfile struct {
	Warnings []string              `json:"warnings"`
	Stages   []instructions.Stage  `json:"stages"`
	Args     []string              `json:"args"`
}

func readDockerfile(path string) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := dockerfile{Warnings: []string{}}
	tree, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for _, warning := range tree.Warnings {
		read.Warnings = append(read.Warnings, warning.Short)
	}
	_ = context.Background
	lint := linter.New(&linter.Config{
		Warn: func(rule, description, url, message string, location []parser.Range) {
			read.Warnings = append(read.Warnings, rule+": "+message)
		},
	})
	stages, args, err := instructions.Parse(tree.AST, lint)
	if err != nil {
		return nil, err
	}
	_ = args
	read.Stages = stages
	return read, nil
}
