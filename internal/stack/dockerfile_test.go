package stack

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A new volume takes over the owner of the directory of the image that it is
// mounted at; where there is none, it is root's. Whose a WORKDIR is depends on
// what builds, so the directory comes with its owner.
func TestDirectoryForVolumes(t *testing.T) {
	stages := regexp.MustCompile(`(?m)^FROM `).Split(read(t, "Dockerfile"), -1)
	build, image := stages[len(stages)-2], stages[len(stages)-1]
	if users := regexp.MustCompile(`(?m)^USER .*$`).FindAllString(image, -1); !slices.Equal(users, []string{"USER 65532:65532"}) {
		t.Fatalf("the image runs as %q", users)
	}
	var dirs []string
	for _, m := range regexp.MustCompile(`(?m)^COPY --from=build --chown=65532:65532 (\S+) (\S+)$`).FindAllStringSubmatch(image, -1) {
		if !strings.Contains(build, "\nRUN mkdir "+m[1]+"\n") {
			t.Errorf("%s is no empty directory", m[1])
		}
		dirs = append(dirs, m[2])
	}
	if m := regexp.MustCompile(`(?m)^WORKDIR (\S+)$`).FindAllStringSubmatch(image, -1); len(m) != 1 || !slices.Contains(dirs, m[0][1]) {
		t.Errorf("it runs in %q, which is not its own", m)
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
