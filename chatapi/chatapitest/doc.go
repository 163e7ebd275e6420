// Package chatapitest is a sandbox of ConnectyCube's chat API for
// administration: an http.Handler, and an in-memory transport to it, with
// generated history, live traffic and scripted misbehaviour.
//
// It implements the three documented requests (GET /admin/chat/list,
// GET /admin/chat/messages/list, PUT /admin/chat/{dialog_id}) and refuses what
// is not documented. What the documentation leaves open, and servers that are
// wrong, are [Quirks]; a bad hour of the network is a [Fault]. [Truth]
// recomputes figures from the rendered rows by brute force and shares nothing
// with the code that answers queries.
//
// Everything generated follows from [Config]: the same seed and clock give the
// same bytes.
package chatapitest
