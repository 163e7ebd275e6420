package chatapi

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestObjectIDs(t *testing.T) {
	t.Parallel()
	const text = "620e40540000000000000abc"
	id, err := ParseObjectID(text)
	if err != nil || id.String() != text {
		t.Fatalf("%v, %v", id, err)
	}
	if at := time.Date(2022, 2, 17, 12, 32, 20, 0, time.UTC); !id.Time().Equal(at) {
		t.Errorf("made at %v, not at %v", id.Time(), at)
	}
	if first := ObjectIDAt(id.Time()); first.Compare(id) >= 0 || !first.Time().Equal(id.Time()) {
		t.Errorf("%v is not the first id of its second", first)
	}
	raw, err := json.Marshal(map[string]ObjectID{"id": id})
	if want := `{"id":"` + text + `"}`; err != nil || string(raw) != want {
		t.Errorf("%s, %v", raw, err)
	}
	var back map[string]ObjectID
	if err := json.Unmarshal(raw, &back); err != nil || back["id"] != id {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "62", text + "0", strings.Replace(text, "a", "x", 1)} {
		if err := new(ObjectID).UnmarshalText([]byte(bad)); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
