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
// Activity is judged as the live exporter judges it, by the same counts: whole
// hours of the weeks before, last quarters of hours of the two weeks before, and
// the ends of its windows are among those times.
//
// What is overwritten by every change has no past: updated and active counts,
// mutes. Silences have none at this price: when the newest message of each
// moment had come, counts do not tell. The counters of created rows are left out on purpose: their live
// series begin at 0, and where both stand side by side every sample would be a
// reset.
package backfill
