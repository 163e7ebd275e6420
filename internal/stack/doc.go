// Package stack tests what stands around the exporter: the compose files, the
// image, the provisioning of Grafana, the objects for Kubernetes. It is a module
// of its own, since the libraries that read all that are many times as large as
// the exporter.
package stack
