package chatapitest

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// rhythm is how busy a chat is at an instant, in no unit: a peak at noon and a
// higher one in the evening (UTC), and a dip at the weekend.
func rhythm(at time.Time) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	busy := 0.12 + 0.8*bell(hour, 12.5, 2.2) + bell(hour, 20, 2)
	if day := at.Weekday(); day == time.Saturday || day == time.Sunday {
		busy *= 0.7
	}
	return busy
}

func bell(x, mean, spread float64) float64 {
	return math.Exp(-(x - mean) * (x - mean) / (2 * spread * spread))
}

// wildest is the most that mildRhythm gets to.
const wildest = 1.25

// mildRhythm is the same shape around 1, for live traffic that never pauses.
func mildRhythm(at time.Time) float64 {
	return 0.75 + 0.5*min(rhythm(at)/1.12, 1)
}

// calendar draws instants of a time range by the rhythm, with some growth.
type calendar struct {
	start  time.Time
	bucket time.Duration
	cum    []float64 // by the end of each bucket
}

// growth is how much busier the end of the history is than its start.
const growth = 1.4

func newCalendar(start, end time.Time) *calendar {
	c := &calendar{start: start, bucket: 10 * time.Minute}
	n := int(end.Sub(start)/c.bucket) + 1
	c.cum = make([]float64, n)
	sum := 0.0
	for i := range c.cum {
		sum += rhythm(start.Add(time.Duration(i)*c.bucket).UTC()) * (1 + (growth-1)*float64(i)/float64(n))
		c.cum[i] = sum
	}
	return c
}

// draw returns unix milliseconds; some lie past the end, within a bucket.
func (c *calendar) draw(r *rand.Rand) int64 {
	x := r.Float64() * c.cum[len(c.cum)-1]
	i, _ := slices.BinarySearch(c.cum, x)
	return c.start.Add(time.Duration((float64(i) + r.Float64()) * float64(c.bucket))).UnixMilli()
}
