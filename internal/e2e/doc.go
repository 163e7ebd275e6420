// Package e2e tests the program as its users run it: as a binary, in a
// container image, under a real Prometheus.
package e2e
