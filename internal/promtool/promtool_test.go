package promtool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOneOfManyBuilds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache", "tool")
	var builds atomic.Int32
	build := func(_ context.Context, dir string) error {
		builds.Add(1)
		time.Sleep(50 * time.Millisecond)
		return os.WriteFile(filepath.Join(dir, "tool"), []byte("whole"), 0o755)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := install(t.Context(), path, build); err != nil {
				t.Error(err)
			}
			if got, _ := os.ReadFile(path); string(got) != "whole" {
				t.Errorf("found %q", got)
			}
		})
	}
	all.Wait()
	if builds.Load() != 1 {
		t.Errorf("built %d times", builds.Load())
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache", "tool")
	broken := errors.New("broken")
	err := install(t.Context(), path, func(_ context.Context, dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "tool"), []byte("ha"), 0o755); err != nil {
			t.Error(err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 || left[0].Name() != ".lock" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNobodyWaitsForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache", "tool")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = install(t.Context(), path, func(context.Context, string) error {
		err := install(ctx, path, func(context.Context, string) error {
			t.Error("two builds at once")
			return nil
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}
