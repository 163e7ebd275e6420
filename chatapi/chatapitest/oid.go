package chatapitest

import (
	"encoding/binary"
	"encoding/hex"
)

// objectID is a MongoDB ObjectId: four bytes of unix seconds, eight of anything. Its byte order is its sort order.
type objectID [12]byte

func newObjectID(seconds int64, rest uint64) objectID {
	var id objectID
	binary.BigEndian.PutUint32(id[:4], uint32(seconds))
	binary.BigEndian.PutUint64(id[4:], rest)
	return id
}

func parseObjectID(s string) (objectID, bool) {
	var id objectID
	if len(s) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

func (id objectID) String() string { return hex.EncodeToString(id[:]) }

func (id objectID) seconds() int64 { return int64(binary.BigEndian.Uint32(id[:4])) }

// hash seeds what a row contains beyond what is stored of it.
func (id objectID) hash(seed uint64) uint64 {
	return mix(seed ^ binary.BigEndian.Uint64(id[4:]) ^ uint64(binary.BigEndian.Uint32(id[:4]))<<17)
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// lastRow is above every row number, so that a key made with it comes after all keys of its id or time.
const lastRow = 1<<32 - 1

func (id objectID) key(row uint32) key {
	return key{binary.BigEndian.Uint64(id[:8]), uint64(binary.BigEndian.Uint32(id[8:]))<<32 | uint64(row)}
}
