package collector

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// BenchmarkLedger does what a million dialogs, of which 8% are muted by two
// users each in the mean, cost: a change, a count, a save and a restore.
func BenchmarkLedger(b *testing.B) {
	const muted = 80_000
	r := rand.New(rand.NewPCG(1, 1))
	log := &ledger{}
	dialog := func() *chatapi.Dialog {
		d := &chatapi.Dialog{Type: 2}
		binary.BigEndian.PutUint32(d.ID[:], r.Uint32())
		binary.BigEndian.PutUint64(d.ID[4:], r.Uint64())
		for range 1 + r.IntN(3) {
			d.SilentIDs = append(d.SilentIDs, int64(1_000_000+r.IntN(500_000)))
		}
		return d
	}
	for range muted {
		log.note(dialog(), false)
	}
	l := new(ledger).with(log)
	change := &ledger{}
	change.note(dialog(), true)

	b.Run("order", func(b *testing.B) {
		for b.Loop() {
			new(ledger).with(log)
		}
	})
	b.Run("change", func(b *testing.B) {
		for b.Loop() {
			l.with(change)
		}
	})
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.count(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pack", func(b *testing.B) {
		for b.Loop() {
			l.pack()
		}
		b.ReportMetric(float64(len(l.pack()))/muted, "bytes/dialog")
	})
	b.Run("unpack", func(b *testing.B) {
		packed := l.pack()
		for b.Loop() {
			if _, err := unpackLedger(packed); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(16*cap(l.ids)+cap(l.data))/muted, "bytes-in-memory/dialog")
	})
}
