package main

import (
	"maps"
	"slices"
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The colours are those that Okabe and Ito chose to be told apart by people who
// see colours differently. Nothing is said by colour alone.
const (
	sky        = "#56B4E9"
	orange     = "#E69F00"
	vermillion = "#D55E00"
	green      = "#009E73"
	purple     = "#CC79A7"
	blue       = "#0072B2"
	grey       = "#8E8E8E"
)

// look is how a series is drawn.
type look struct {
	series string // its name, or with slashes a regular expression for it
	color  string // empty: as another look says
	dashed bool
	thick  bool
	shaded bool // the area below it
	right  bool // has the axis on the right
}

func (l look) properties() []dashboard.DynamicConfigValue {
	var p []dashboard.DynamicConfigValue
	if l.color != "" {
		p = append(p, fixed(l.color))
	}
	if l.dashed {
		p = append(p, property("custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{8, 6}}))
	}
	if l.thick {
		p = append(p, property("custom.lineWidth", 2))
	}
	if l.shaded {
		p = append(p, property("custom.fillOpacity", 20))
	}
	if l.right {
		p = append(p, property("custom.axisPlacement", "right"))
	}
	return p
}

func property(id string, value any) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: id, Value: value}
}

func fixed(color string) dashboard.DynamicConfigValue {
	return property("color", map[string]any{"mode": "fixed", "fixedColor": color})
}

// dialogTypes, windows and so on give each value of a label its colour, the same
// on all boards.
func dialogTypes() []look {
	return []look{
		{series: "private", color: sky}, {series: "group", color: orange}, {series: "broadcast", color: green},
		{series: "public", color: purple}, {series: "other", color: grey}, {series: "unknown", color: grey},
	}
}

func windows() []look {
	return []look{
		{series: "15m", color: purple}, {series: "1h", color: grey}, {series: "6h", color: blue},
		{series: "1d", color: sky}, {series: "7d", color: orange}, {series: "30d", color: green},
	}
}

func collectors() []look {
	return []look{
		{series: "totals", color: sky}, {series: "windows", color: orange},
		{series: "mutes", color: green}, {series: "activity", color: purple},
	}
}

// codes are those of requests. Those of dialogs are dashed, where they are told
// apart.
func codes() []look {
	return []look{
		{series: "/2..$/", color: sky}, {series: "/401$|403$/", color: purple}, {series: "/429$/", color: orange},
		{series: "/4(0[0245-9]|1.|2[0-8])$/", color: green}, {series: "/5..$/", color: vermillion},
		{series: "/[a-z]$/", color: blue}, {series: "/^ ?none$/", color: grey},
		{series: "/^dialogs/", dashed: true},
	}
}

// judgement are the lines of messages that are compared with what is normal.
func judgement() []look {
	return []look{
		{series: "messages", color: sky, thick: true},
		{series: "normal", color: grey, dashed: true},
		{series: "too few", color: vermillion, shaded: true},
	}
}

// wording is what a value means, in words and on a ground of a colour.
type wording struct{ text, color string }

// mapped shows values as words. otherwise is for what is not there.
func mapped(otherwise string, words map[int]wording) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, value := range slices.Sorted(maps.Keys(words)) {
		w := words[value]
		options[strconv.Itoa(value)] = dashboard.ValueMappingResult{Text: &w.text, Color: &w.color, Index: cog.ToPtr(int32(i))}
	}
	nothing := dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue,
		Options: dashboard.DashboardSpecialValueMapOptions{
			Match:  dashboard.SpecialValueMatchNullAndNan,
			Result: dashboard.ValueMappingResult{Text: &otherwise, Color: cog.ToPtr(grey), Index: cog.ToPtr(int32(len(words)))},
		},
	}}
	if len(words) == 0 {
		return []dashboard.ValueMapping{nothing}
	}
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}, nothing}
}

// steps colours values from each of the given ones on.
func steps(base string, above ...dashboard.Threshold) *dashboard.ThresholdsConfigBuilder {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).
		Steps(append([]dashboard.Threshold{{Color: base}}, above...))
}

func from(value float64, color string) dashboard.Threshold {
	return dashboard.Threshold{Value: &value, Color: color}
}

func chatWords() map[int]wording {
	return map[int]wording{well: {"Normal", green}, unjudged: {"Not judged", grey}, low: {"Too few", orange}, broken: {"Silent", vermillion}}
}

func apiWords() map[int]wording {
	return map[int]wording{
		answers: {"Answers", green}, failing: {"Just failed", orange}, fails: {"Fails", vermillion},
		refuses: {"Key refused", vermillion}, throttles: {"Throttles", orange},
	}
}

func exporterWords() map[int]wording {
	return map[int]wording{well: {"Runs", green}, low: {"Lacks it", orange}, broken: {"Down", vermillion}}
}

func numbersWords() map[int]wording {
	return map[int]wording{well: {"Fresh", green}, low: {"Old", orange}}
}

func verdictWords() map[int]wording {
	return map[int]wording{
		allWell: {"All is well", green}, notJudged: {"Chat not judged now", grey}, numbersOld: {"Numbers are old", orange},
		apiFails: {"API fails", vermillion}, keyRefused: {"API refuses the key", vermillion}, apiThrottles: {"API throttles", orange},
		notShown: {"Not watched any more", orange}, exporterDown: {"Exporter is down", vermillion},
		tooFew: {"Chat: too few messages", orange}, silent: {"Chat is silent", vermillion},
	}
}
