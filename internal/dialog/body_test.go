package dialog

import (
	"reflect"
	"strings"
	"testing"
)

// A body is taken with all that the vendor documents.
func TestParseBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]Change{
		`{"user_id":32242,"is_muted":true}`:          {Mutes: []Mute{{32242, true}}},
		`{"is_muted":false,"user_id":32242}`:         {Mutes: []Mute{{32242, false}}},
		`{"name":"a","photo":null,"description":""}`: {Texts: map[string]*string{"name": ptr("a"), "photo": nil, "description": ptr("")}},
		`{"extensions":{"a":"1","b":2,"c":true}}`:    {Extensions: map[string]string{"a": "1", "b": "2", "c": "true"}},
		`{"extensions":null}`:                        {ResetExtensions: true},
		`{"permissions":{"allow_preview":false}}`:    {AllowPreview: ptr(false)},
		`{"push_all":{"occupants_ids":[1],"admins_ids":[2]},"pull_all":{"pinned_messages_ids":["620e2b14e45f5b089d000008"]}}`: {
			Add: Lists{Occupants: []int64{1}, Admins: []int64{2}}, Remove: Lists{Pinned: []string{"620e2b14e45f5b089d000008"}}},
	} {
		got, err := ParseBody([]byte("\n " + body + "\n"))
		if want.Body = []byte(body); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", body, got, err, want)
		}
	}
}

// Anything else is refused, with the name of the parameter and never its value.
func TestBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                           "must be one JSON object",
		`null`:                                       "must be one JSON object",
		`["secret"]`:                                 "must be one JSON object",
		`{}`:                                         "something to change",
		`{"name":"secret"`:                           "not JSON from beginning to end",
		`{"name":"secret",}`:                         "not JSON from beginning to end",
		`{"name":secret}`:                            "not JSON from beginning to end",
		`{"name":"secret"}{}`:                        "more follows",
		`{"name":"secret"} x`:                        "more follows",
		`{"name":"secret","name":"secret"}`:          `holds "name" twice`,
		`{"name":"se` + "\xff" + `cret"}`:            "UTF-8",
		`{"title":"secret"}`:                         `does not document a parameter "title"; there are user_id with is_muted, name,`,
		`{"Name":"secret"}`:                          `does not document a parameter "Name"`,
		`{"data":{"a":"secret"}}`:                    `"data"`,
		"{\"\u202e\\u001b[31m\":\"secret\"}":         `does not document a parameter "\u202e\x1b[31m"`,
		`{"admins_ids":[1]}`:                         `"admins_ids"`,
		`{"name":["secret"]}`:                        "parameter name must be a string or null",
		`{"is_muted":true}`:                          "user_id and is_muted need one another",
		`{"user_id":1}`:                              "user_id and is_muted need one another",
		`{"user_id":"secret","is_muted":true}`:       "parameter user_id must be the id of a user",
		`{"user_id":-1,"is_muted":true}`:             "parameter user_id must be",
		`{"user_id":1.5,"is_muted":true}`:            "parameter user_id must be",
		`{"user_id":null,"is_muted":true}`:           "parameter user_id must be",
		`{"user_id":1,"is_muted":"secret"}`:          "parameter is_muted must be true or false",
		`{"user_id":1,"is_muted":null}`:              "parameter is_muted must be true or false",
		`{"extensions":"secret"}`:                    "parameter extensions must be one JSON object",
		`{"extensions":{}}`:                          "parameter extensions must name some",
		`{"extensions":{"a":1,"a":2}}`:               `parameter extensions holds "a" twice`,
		`{"extensions":{"a":1,"b":1,"c":1,"d":1}}`:   "at most 3 extensions",
		`{"permissions":null}`:                       "parameter permissions must be one JSON object",
		`{"permissions":{"secret":true}}`:            "parameter permissions must hold allow_preview",
		`{"permissions":{"allow_preview":"secret"}}`: "parameter permissions must hold allow_preview",
		`{"permissions":{"allow_preview":null}}`:     "parameter permissions must hold allow_preview",
		`{"permissions":{"allow_preview":true,"more":"secret"}}`: "parameter permissions must hold allow_preview",
		`{"push_all":[1]}`:                                              "parameter push_all must be one JSON object",
		`{"push_all":{}}`:                                               "parameter push_all must hold ids",
		`{"pull_all":{"admins_ids":[]}}`:                                "parameter pull_all must hold ids",
		`{"pull_all":{"silent_ids":[1]}}`:                               `parameter pull_all: the vendor does not document a list "silent_ids"`,
		`{"push_all":{"admins_ids":["secret"]}}`:                        "parameter push_all: admins_ids must be a list of ids",
		`{"push_all":{"occupants_ids":[0]}}`:                            "parameter push_all: occupants_ids must be a list of ids",
		`{"push_all":{"pinned_messages_ids":["secret"]}}`:               "parameter push_all: pinned_messages_ids must be a list of ids",
		`{"push_all":{"admins_ids":[1,2,3,4,5,6]}}`:                     "at most 5 admins",
		`{"push_all":{"admins_ids":[1]},"pull_all":{"admins_ids":[1]}}`: "user 1 is to be added to the admins and removed",
	} {
		_, err := ParseBody([]byte(body))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q and no value", body, err, want)
		}
	}
}
