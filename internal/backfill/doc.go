// Package backfill counts what an application held in the past, and writes it
// as OpenMetrics text for `promtool tsdb create-blocks-from openmetrics`.
//
// All comes from one filter, created_at, once it is proven on known rows. The
// times at which any sample needs to know how much had been created cut the
// past into bins; each bin is counted once, so that whatever is deleted
// meanwhile makes no window negative and counts no row twice. The sums over
// the bins are the rows that had been created by then and still exist: rows
// deleted since are missing, as from any count of the past.
//
// What is overwritten by every change has no past: updated and active counts,
// mutes. The counters of created rows are left out on purpose: their live
// series begin at 0, and where both stand side by side every sample would be a
// reset.
package backfill
