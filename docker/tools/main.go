// Reads the files under docker/ as the tools that they are made for do, and prints what it read as JSON:
//
//	checks compose FILE       the project as `docker compose config` has it, by the specification's own library
//	checks dockerfile FILE    BuildKit's stages and the warnings of its linter
//	checks kustomize FOLDER   the objects of a kustomization, each decoded strictly into Kubernetes' own type
//
// What is wrong goes to standard error, with exit code 1.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

var commands = map[string]func(path string) (any, error){
	"compose":    readCompose,
	"dockerfile": readDockerfile,
	"kustomize":  readKustomization,
}

func main() {
	if len(os.Args) != 3 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: checks compose|dockerfile|kustomize PATH")
		os.Exit(2)
	}
	result, err := commands[os.Args[1]](os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
