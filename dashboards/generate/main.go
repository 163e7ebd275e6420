// Command generate writes the dashboards of connectycube_exporter. It is a module
// of its own, so that what it needs is not needed by the exporter:
//
//	go run -C dashboards/generate . ..
package main

import (
	"encoding/json"
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
		return fmt.Errorf("wants the directory to write to, such as: go run -C dashboards/generate . ..")
	}
	for _, b := range list() {
		text, err := render(b)
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

func render(b *board) ([]byte, error) {
	d, err := b.Build()
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.file, err)
	}
	return append(text, '\n'), nil
}
