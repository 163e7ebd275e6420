package activity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Calendar knows where local days begin, and which of them are holidays.
type Calendar struct {
	zone     *time.Location
	holidays map[date]bool
}

type date struct {
	year  int
	month time.Month
	day   int
}

// NewCalendar takes a time zone and holidays as ParseHolidays gives them.
func NewCalendar(zone *time.Location, holidays []string) (*Calendar, error) {
	c := &Calendar{zone: zone, holidays: map[date]bool{}}
	for _, text := range holidays {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a date such as 2026-12-25", text)
		}
		year, month, day := at.Date()
		c.holidays[date{year, month, day}] = true
	}
	return c, nil
}

// ParseHolidays reads one date a line, such as 2026-12-25. Empty lines, and
// what follows a #, are passed over. The result is sorted, each date once.
func ParseHolidays(text string) ([]string, error) {
	var out []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := CheckHoliday(line); err != nil {
			return nil, fmt.Errorf("line %d: it %w", number, err)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// CheckHoliday tells whether text is a date.
func CheckHoliday(text string) error {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return errors.New("must be a date such as 2026-12-25")
	}
	return nil
}

// Holiday tells whether any of the local days that [from, to) touches is a
// holiday.
func (c *Calendar) Holiday(from, to int64) bool {
	if len(c.holidays) == 0 {
		return false
	}
	// Days are counted without a clock: in some zones there are days that do not
	// begin at midnight.
	day, last := c.noon(from), c.noon(to-1)
	for ; !day.After(last); day = day.AddDate(0, 0, 1) {
		year, month, of := day.Date()
		if c.holidays[date{year, month, of}] {
			return true
		}
	}
	return false
}

// noon stands for the local day that t lies in.
func (c *Calendar) noon(t int64) time.Time {
	year, month, day := time.Unix(t, 0).In(c.zone).Date()
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

const weekSeconds = 7 * 24 * hourSeconds

// weeksBefore is the same local wall time k weeks before t.
func (c *Calendar) weeksBefore(t int64, k int) int64 {
	if c.zone == time.UTC {
		return t - int64(k)*weekSeconds
	}
	return time.Unix(t, 0).In(c.zone).AddDate(0, 0, -7*k).Unix()
}
