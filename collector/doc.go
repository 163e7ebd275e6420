// Package collector polls applications in the background and exposes what it
// learnt to Prometheus. A scrape reads snapshots and costs no API request.
//
// Each collector is one file: its metrics, and the parts that refresh them.
// A part has its own cadence, its own result and its own age; a part that
// cannot be refreshed keeps its result for three of its intervals, then the
// values disappear. A new collector is one new file and one line in
// [definitions].
package collector
