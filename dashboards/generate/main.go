// Command generate writes the dashboards of connectycube_exporter. It is a module
// of its own, so that what it needs is not needed by the exporter:
//
//	go run -C dashboards/generate . ..
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("one argument is needed, the directory to write to")
	}
	for _, b := range list() {
		text, err := b.render()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(args[0], b.file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// list has all boards.
func list() []*board {
	return []*board{overview(), isChatBroken(), mutesAndDialogs(), exporter()}
}
