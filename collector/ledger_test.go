package collector

import (
	"bytes"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/connectycube-exporter/connectycube_exporter/chatapi"
)

// book is a ledger as anybody would write it: the latest row of each dialog.
type book map[chatapi.ObjectID]chatapi.Dialog

func (b book) count() (out markCounts) {
	muting := map[int64]bool{}
	set := func(ids []int64) map[int64]bool {
		s := map[int64]bool{}
		for _, id := range ids {
			s[id] = true
		}
		return s
	}
	for _, d := range b {
		t := typeIndex(d.Type)
		silent, deleted := set(d.SilentIDs), set(d.DeletedIDs)
		maps.Copy(muting, silent)
		out.mutes[t] += int64(len(silent))
		out.deletions[t] += int64(len(deleted))
		if len(silent) > 0 {
			out.muted[t]++
		}
		if len(deleted) > 0 {
			out.deleted[t]++
		}
	}
	out.users = int64(len(muting))
	return out
}

func randomDialog(r *rand.Rand) chatapi.Dialog {
	d := chatapi.Dialog{ID: chatapi.ObjectID{10: byte(r.IntN(3)), 11: byte(r.IntN(40))}, Type: r.IntN(6)}
	users := func() (ids []int64) {
		for range max(0, r.IntN(8)-3) {
			switch r.IntN(5) {
			case 0:
				ids = append(ids, []int64{0, -1, math.MinInt64, math.MaxInt64}[r.IntN(4)])
			default:
				ids = append(ids, int64(r.IntN(30)))
			}
		}
		return ids
	}
	d.SilentIDs, d.DeletedIDs = users(), users()
	return d
}

// TestLedgerKeepsTheLatestMarks applies random logs to a ledger and to a plain
// map.
func TestLedgerKeepsTheLatestMarks(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		known, plain := &ledger{}, book{}
		for range 20 {
			log := &ledger{}
			for range r.IntN(60) {
				d := randomDialog(r)
				log.note(&d, true)
				plain[d.ID] = d
			}
			before := known.pack()
			next := known.with(log)
			if !bytes.Equal(known.pack(), before) {
				t.Fatal("the ledger that a log was applied to has changed")
			}
			known = next

			got, err := known.count()
			if err != nil {
				t.Fatal(err)
			}
			if want := plain.count(); got != want {
				t.Fatalf("seed %d: %+v, not %+v", seed, got, want)
			}
			if !slices.IsSortedFunc(known.ids, chatapi.ObjectID.Compare) {
				t.Fatal("not in order")
			}
			for id, d := range plain {
				if !known.sameMutes(&d) {
					t.Fatalf("%s has other mutes than its row", id)
				}
				muted := d
				muted.SilentIDs = append(slices.Clone(d.SilentIDs), 77)
				if known.sameMutes(&muted) {
					t.Fatalf("%s: one more mute goes unnoticed", id)
				}
				if len(d.SilentIDs) > 0 {
					muted.SilentIDs = nil
					if known.sameMutes(&muted) {
						t.Fatalf("%s: the end of all mutes goes unnoticed", id)
					}
				}
			}
			again, err := unpackLedger(known.pack())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.pack(), known.pack()) {
				t.Fatal("not the same after packing and unpacking")
			}
		}
	}
}

// TestNotesOfWhatHasNoMarks are needed where something was known before, and
// cost memory elsewhere.
func TestNotesOfWhatHasNoMarks(t *testing.T) {
	plain := chatapi.Dialog{ID: chatapi.ObjectID{1}, Type: 3}
	log := &ledger{}
	log.note(&plain, false)
	if log.len() != 0 {
		t.Error("a dialog without marks is kept")
	}
	muted := plain
	muted.SilentIDs = []int64{5}
	log.note(&muted, false)
	log.note(&plain, true)
	if n := new(ledger).with(log).len(); n != 0 {
		t.Errorf("%d dialogs after the last mute ended", n)
	}
}

// FuzzUnpackLedger reads what a damaged file may hold: an error, or a ledger
// that packs to the same bytes.
func FuzzUnpackLedger(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	log := &ledger{}
	for range 20 {
		d := randomDialog(r)
		log.note(&d, true)
	}
	packed := new(ledger).with(log).pack()
	f.Add(packed)
	f.Add(packed[:len(packed)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := unpackLedger(b)
		if err != nil {
			return
		}
		again, err := unpackLedger(l.pack())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.pack(), l.pack()) {
			t.Error("not the same after packing and unpacking")
		}
	})
}
