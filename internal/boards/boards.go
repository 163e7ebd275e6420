// Package boards reads the shipped dashboards for the tests that hold them
// against the exporter, the linter's rules and a real Prometheus.
package boards

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Board is a dashboard of Grafana's classic model, as far as tests look at it.
type Board struct {
	File string `json:"-"` // its name without the directory

	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	Editable      bool     `json:"editable"`
	SchemaVersion int      `json:"schemaVersion"`
	Refresh       string   `json:"refresh"`
	ID            *int     `json:"id"`
	Links         []Link   `json:"links"`
	Panels        []Panel  `json:"panels"`
	Templating    struct {
		List []Variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []Annotation `json:"list"`
	} `json:"annotations"`
}

// Link leads to other boards, or to a page.
type Link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"` // dashboards or link
	URL         string   `json:"url"`
	Tags        []string `json:"tags"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
}

// Variable is a choice at the top of a board.
type Variable struct {
	Name        string     `json:"name"`
	Label       string     `json:"label"`
	Type        string     `json:"type"`
	Query       any        `json:"query"` // text, or an object that has it as query
	Datasource  Datasource `json:"datasource"`
	Multi       bool       `json:"multi"`
	IncludeAll  bool       `json:"includeAll"`
	AllValue    string     `json:"allValue"`
	Refresh     int        `json:"refresh"`
	SkipURLSync bool       `json:"skipUrlSync"`
}

// Annotation marks times on all panels.
type Annotation struct {
	Name       string     `json:"name"`
	Expr       string     `json:"expr"`
	Datasource Datasource `json:"datasource"`
	Target     Target     `json:"target"`
}

// Datasource is a reference to one.
type Datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Panel is a panel or a row.
type Panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Datasource  Datasource `json:"datasource"`
	Repeat      string     `json:"repeat"`
	Collapsed   bool       `json:"collapsed"`
	Panels      []Panel    `json:"panels"` // of a collapsed row
	Targets     []Target   `json:"targets"`
	GridPos     struct {
		H, W, X, Y int
	} `json:"gridPos"`
	FieldConfig struct {
		Defaults  FieldConfig `json:"defaults"`
		Overrides []Override  `json:"overrides"`
	} `json:"fieldConfig"`
	Options struct {
		Legend *struct {
			ShowLegend *bool `json:"showLegend"`
		} `json:"legend"`
		Content       string `json:"content"`
		ReduceOptions *struct {
			Calcs []string `json:"calcs"`
		} `json:"reduceOptions"`
	} `json:"options"`
	Transformations []struct {
		ID      string `json:"id"`
		Options struct {
			RenameByName map[string]string `json:"renameByName"`
		} `json:"options"`
	} `json:"transformations"`
}

// FieldConfig is how values are shown.
type FieldConfig struct {
	Unit     string `json:"unit"`
	NoValue  string `json:"noValue"`
	Mappings []any  `json:"mappings"`
	Color    *struct {
		Mode       string `json:"mode"`
		FixedColor string `json:"fixedColor"`
	} `json:"color"`
	Thresholds *struct {
		Steps []struct {
			Color string   `json:"color"`
			Value *float64 `json:"value"`
		} `json:"steps"`
	} `json:"thresholds"`
}

// Override is how the values of some series are shown.
type Override struct {
	Matcher struct {
		ID      string `json:"id"`
		Options any    `json:"options"`
	} `json:"matcher"`
	Properties []struct {
		ID    string `json:"id"`
		Value any    `json:"value"`
	} `json:"properties"`
}

// Target is a query of a panel.
type Target struct {
	RefID        string     `json:"refId"`
	Expr         string     `json:"expr"`
	LegendFormat string     `json:"legendFormat"`
	Format       string     `json:"format"`
	Interval     string     `json:"interval"`
	Instant      bool       `json:"instant"`
	Range        bool       `json:"range"`
	Datasource   Datasource `json:"datasource"`
}

// Read reads all boards of a directory.
func Read(dir string) ([]Board, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []Board
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		b := Board{File: filepath.Base(file)}
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(&b); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, b)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no boards in %s", dir)
	}
	return out, nil
}

// All are the panels of the board, rows and those inside of rows included.
func (b Board) All() []Panel {
	var out []Panel
	for _, p := range b.Panels {
		out = append(out, p)
		out = append(out, p.Panels...)
	}
	return out
}

// Substitute puts values in the place of variables and of Grafana's own, as it
// does before it asks Prometheus. The longest name wins.
func Substitute(text string, values map[string]string) string {
	names := slices.SortedFunc(maps.Keys(values), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, "${"+name+"}", values[name], "$"+name, values[name])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
