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
	color  string
	dashed bool
	thick  bool
	shaded bool // the area below it
	axis   bool // has the axis on the right
	unit   string
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
	if l.axis {
		p = append(p, property("custom.axisPlacement", "right"))
	}
	if l.unit != "" {
		p = append(p, property("unit", l.unit))
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

func collectors() []look {
	return []look{
		{series: "totals", color: sky}, {series: "windows", color: orange},
		{series: "mutes", color: green}, {series: "activity", color: purple},
	}
}

func codes() []look {
	return []look{
		{series: "/2..$/", color: sky}, {series: "/401$|403$/", color: purple}, {series: "/429$/", color: orange},
		{series: "/4(0[0245-9]|1.|2[0-8])$/", color: green}, {series: "/5..$/", color: vermillion},
		{series: "/[a-z]$/", color: blue}, {series: "none", color: grey},
	}
}

// state is what a value means in words.
type state struct{ text, color string }

// mapped shows values as words. unknown is for what is not there.
func mapped(unknown string, states map[int]state) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, value := range slices.Sorted(maps.Keys(states)) {
		s := states[value]
		options[strconv.Itoa(value)] = dashboard.ValueMappingResult{Text: &s.text, Color: &s.color, Index: cog.ToPtr(int32(i))}
	}
	nothing := dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{
		Type: dashboard.MappingTypeSpecialValue,
		Options: dashboard.DashboardSpecialValueMapOptions{
			Match:  dashboard.SpecialValueMatchNullAndNan,
			Result: dashboard.ValueMappingResult{Text: &unknown, Color: cog.ToPtr(grey), Index: cog.ToPtr(int32(len(states)))},
		},
	}}
	if len(states) == 0 {
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

func chatStates() map[int]state {
	return map[int]state{
		unjudged: {"Cannot be judged", grey}, well: {"Normal", green},
		low: {"Too few messages", orange}, broken: {"Silent", vermillion},
	}
}

func apiStates() map[int]state {
	return map[int]state{well: {"Answers", green}, broken: {"Fails", vermillion}}
}

func scrapeStates() map[int]state {
	return map[int]state{well: {"Runs", green}, broken: {"Down", vermillion}}
}

func freshStates() map[int]state {
	return map[int]state{well: {"Fresh", green}, low: {"Old", orange}}
}
