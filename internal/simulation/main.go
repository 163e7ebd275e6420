// Command simulation measures the statistic of collector/activity on synthetic
// traffic, and sets what it finds beside the reference's tables.
//
//	go run ./internal/simulation -rows 'long running 300' -seeds 12
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"sync"
	"time"
)

func main() {
	var (
		only    = flag.String("rows", ".", "rows whose section and name match this regular expression")
		seeds   = flag.Int("seeds", 60, "seeds for each row of the main tables")
		attack  = flag.Int("attack-seeds", 36, "seeds for each attack")
		busy    = flag.Int("busy-seeds", 12, "seeds for each attack at 3,000 an hour")
		first   = flag.Uint64("first-seed", 10001, "first seed")
		workers = flag.Int("workers", 2, "seeds worked on at the same time")
		out     = flag.String("out", "", "file to write, standard output by default")
	)
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var chosen []*row
	var counts []int
	for _, r := range rows() {
		if match.MatchString(r.section + " " + r.name) {
			n := *seeds
			switch r.section {
			case "50/h", "300/h":
				n = *attack
			case "3000/h":
				n = *busy
			}
			chosen, counts = append(chosen, r), append(counts, n)
		}
	}
	began := time.Now()
	var sums []summary
	for _, results := range run(chosen, counts, *first, *workers) {
		sums = append(sums, sum(results))
	}
	var text bytes.Buffer
	write(&text, chosen, sums, *first)
	fmt.Fprintf(os.Stderr, "%v\n", time.Since(began).Round(time.Second))
	if *out == "" {
		_, err = os.Stdout.Write(text.Bytes())
	} else {
		err = os.WriteFile(*out, text.Bytes(), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run simulates rows; what comes of a seed does not depend on the workers.
func run(rows []*row, seeds []int, first uint64, workers int) [][]result {
	type job struct{ row, seed int }
	jobs := make(chan job)
	out := make([][]result, len(rows))
	for i, n := range seeds {
		out[i] = make([]result, n)
	}
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for j := range jobs {
				out[j.row][j.seed] = simulate(rows[j.row], rows[j.row].seed(first+uint64(j.seed)))
			}
		})
	}
	for i, n := range seeds {
		for seed := range n {
			jobs <- job{i, seed}
		}
	}
	close(jobs)
	working.Wait()
	return out
}
