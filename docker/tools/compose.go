package main

import (
	"context"

	"github.com/compose-spec/compose-go/v2/cli"
)

// readCompose loads a file as `docker compose` does: checked against the schema, placeholders filled in from the
// environment and from a file .env beside it, env_file resolved.
func readCompose(path string) (any, error) {
	options, err := cli.NewProjectOptions([]string{path},
		cli.WithOsEnv,
		cli.WithEnvFiles(),
		cli.WithDotEnv,
		cli.WithInterpolation(true),
		cli.WithResolvedPaths(true),
		cli.WithDiscardEnvFile,
	)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}
