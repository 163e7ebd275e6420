package stack

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A new volume takes over the owner of the directory of the image that it is
// mounted at; where there is none, it is root's. BuildKit, with which compose
// builds, gives a WORKDIR that it makes to the USER of the lines above.
func TestDirectoryForVolumes(t *testing.T) {
	stages := regexp.MustCompile(`(?m)^FROM `).Split(read(t, "Dockerfile"), -1)
	_, after, found := strings.Cut(stages[len(stages)-1], "\nUSER 65532:65532\n")
	if !found {
		t.Fatal("the image does not run as 65532")
	}
	var dirs []string
	for _, m := range regexp.MustCompile(`(?m)^(WORKDIR|USER) (\S+)$`).FindAllStringSubmatch(after, -1) {
		if m[1] == "USER" {
			t.Errorf("and then as %s", m[2])
		}
		dirs = append(dirs, m[2])
	}
	targets := 0
	for kind, p := range projects(t) {
		for name, s := range p.Services {
			for _, v := range s.Volumes {
				if !built(p, s) {
					continue
				}
				if targets++; !slices.Contains(dirs, v.Target) {
					t.Errorf("%s/%s: %s is no directory of the user's, who has %v", kind, name, v.Target, dirs)
				}
			}
		}
	}
	if targets == 0 {
		t.Error("no volume")
	}
}
