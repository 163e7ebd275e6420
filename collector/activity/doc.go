// Package activity judges whether an application's chat is quieter than it
// should be. It is made of functions of counts and times: it asks no clock, no
// network, and knows nothing of Prometheus.
//
// A [History] holds how many messages were created in past hours and five
// minutes. A [Judge] compares the latest of them with the same local time of
// the weeks before, and the present silence with earlier ones. All times are
// unix seconds on the API's clock.
//
// Two scales are used throughout. Counts are compared on the square-root
// scale a(x) = sqrt(x + 3/8), on which the spread of a Poisson count is 1/2
// whatever its size. Silences are weighed in messages that would be normal in
// their time, so that a quiet night weighs little and a lost minute at noon
// much.
package activity
