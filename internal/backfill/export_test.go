package backfill

import "github.com/connectycube-exporter/connectycube_exporter/collector/activity"

// Verdicts judges a grid by counts that are known.
func Verdicts(g Grid, c *activity.Calendar, weeks int, before func(int64) int64) int {
	j := &judging{weeks: weeks, calendar: c}
	return len(j.verdicts(g, before).list)
}
