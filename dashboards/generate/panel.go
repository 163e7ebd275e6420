package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/text"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// bridged are the milliseconds without a sample over which a line is drawn on:
// what backfill writes lies an hour apart. Longer gaps are gaps.
const bridged = 2 * 60 * 60 * 1000

// source is the data source that the variable chooses.
func source() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
}

func refID(i int) string { return string(rune('A' + i)) }

// ranges asks for each step of the time range.
func ranges(queries []query) []cog.Builder[variants.Dataquery] {
	var out []cog.Builder[variants.Dataquery]
	for i, q := range queries {
		out = append(out, prometheus.NewDataqueryBuilder().RefId(refID(i)).Datasource(source()).
			EditorMode(prometheus.QueryEditorModeCode).Expr(q.expr).LegendFormat(q.legend).Range())
	}
	return out
}

// instants asks for this moment.
func instants(queries []query) []cog.Builder[variants.Dataquery] {
	var out []cog.Builder[variants.Dataquery]
	for i, q := range queries {
		out = append(out, prometheus.NewDataqueryBuilder().RefId(refID(i)).Datasource(source()).
			EditorMode(prometheus.QueryEditorModeCode).Expr(q.expr).LegendFormat(q.legend).Instant())
	}
	return out
}

// unknown is what single numbers say where there is nothing.
const unknown = "Not known"

// number is one value, or a few below each other, with the past as a line.
func number(title, description, unit string, queries ...query) *stat.PanelBuilder {
	p := stat.NewPanelBuilder().Title(title).Description(description).Datasource(source()).Targets(ranges(surely(queries))).
		Unit(unit).NoValue(unknown).Mappings(mapped(unknown, nil)).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(sky)).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeArea).
		JustifyMode(common.BigValueJustifyModeAuto).FieldMinMax(true).Orientation(common.VizOrientationHorizontal).
		TextMode(common.BigValueTextModeValueAndName).WideLayout(true).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"last"}).Fields("").Values(false))
	if len(queries) == 1 {
		p.TextMode(common.BigValueTextModeValue)
	}
	return p
}

// fact is a number as it is at this moment, without a past: what a range query
// says of the present may be a step old.
func fact(title, description, unit string, queries ...query) *stat.PanelBuilder {
	return number(title, description, unit, queries...).Targets(instants(surely(queries))).GraphMode(common.BigValueGraphModeNone)
}

// word is a fact in words on a ground of its colour. otherwise is for when it is
// not known.
func word(title, description, otherwise string, states map[int]state, expr string) *stat.PanelBuilder {
	return fact(title, description, "none", query{expr, strings.ToLower(title)}).
		NoValue(otherwise).Mappings(mapped(otherwise, states)).ColorMode(common.BigValueColorModeBackground).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(grey))
}

// surely makes queries that always answer, with NaN where there is nothing. A
// single number would else show what was there last, however long ago.
func surely(queries []query) []query {
	var out []query
	for _, q := range queries {
		out = append(out, query{q.expr + "\nor vector(NaN)", q.legend})
	}
	return out
}

// lines is values over time, from zero up.
func lines(title, description, unit, nothing string, looks []look, queries ...query) *timeseries.PanelBuilder {
	return level(title, description, unit, nothing, looks, queries...).AxisSoftMin(0)
}

// level is values over time whose changes are small beside them.
func level(title, description, unit, nothing string, looks []look, queries ...query) *timeseries.PanelBuilder {
	p := timeseries.NewPanelBuilder().Title(title).Description(description).Datasource(source()).Targets(ranges(queries)).
		Unit(unit).NoValue(nothing).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(sky)).
		DrawStyle(common.GraphDrawStyleLine).LineInterpolation(common.LineInterpolationLinear).
		LineWidth(1).FillOpacity(0).ShowPoints(common.VisibilityModeAuto).PointSize(4).
		SpanNulls(common.BoolOrFloat64{Float64: cog.ToPtr[float64](bridged)}).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).
			Placement(common.LegendPlacementBottom).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	for _, l := range looks {
		if strings.HasPrefix(l.series, "/") {
			p.OverrideByRegexp(l.series, l.properties())
		} else {
			p.OverrideByName(l.series, l.properties())
		}
	}
	return p
}

// lane is a state over time.
type lane struct {
	query
	series string // a regular expression for its names
	states map[int]state
}

// timeline shows when what was how.
func timeline(title, description, nothing string, lanes ...lane) *statetimeline.PanelBuilder {
	var queries []query
	for _, l := range lanes {
		queries = append(queries, l.query)
	}
	p := statetimeline.NewPanelBuilder().Title(title).Description(description).Datasource(source()).Targets(ranges(queries)).
		NoValue(nothing).ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(grey)).
		ShowValue(common.VisibilityModeAuto).MergeValues(true).RowHeight(0.85).FillOpacity(85).LineWidth(0).
		AlignValue(common.TimelineValueAlignmentLeft).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle).Sort(common.SortOrderNone))
	for _, l := range lanes {
		p.OverrideByRegexp(l.series, []dashboard.DynamicConfigValue{property("mappings", mapped("Unknown", l.states))})
	}
	return p
}

// column is one of a table. Its query gives a value for each row.
type column struct {
	expr, title, unit string
	decimals          *float64
	width             int
	states            map[int]state // shown as words on a coloured ground
}

// grid is a table with a row for each value of the labels, whose names it puts
// into words.
func grid(title, description, nothing string, labels [][2]string, columns ...column) *table.PanelBuilder {
	names, order := map[string]string{}, map[string]int{}
	for i, l := range labels {
		names[l[0]], order[l[0]] = l[1], i
	}
	p := table.NewPanelBuilder().Title(title).Description(description).Datasource(source()).
		NoValue(nothing).Align(common.FieldTextAlignmentAuto).CellHeight(common.TableCellHeightSm).ShowHeader(true).
		Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{"sum"})).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(sky))
	for i, c := range columns {
		value := "Value #" + refID(i)
		names[value], order[value] = c.title, len(labels)+i
		p.WithTarget(prometheus.NewDataqueryBuilder().RefId(refID(i)).Datasource(source()).
			EditorMode(prometheus.QueryEditorModeCode).Expr(c.expr).Format(prometheus.PromQueryFormatTable).Instant())
		properties := []dashboard.DynamicConfigValue{property("unit", c.unit)}
		if c.decimals != nil {
			properties = append(properties, property("decimals", *c.decimals))
		}
		if c.width > 0 {
			properties = append(properties, property("custom.width", c.width))
		}
		if c.states != nil {
			properties = append(properties, property("mappings", mapped("", c.states)),
				property("custom.cellOptions", map[string]any{"type": "color-background", "mode": "basic"}))
		}
		p.OverrideByName(c.title, properties)
	}
	return p.
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": map[string]bool{"Time": true}, "indexByName": order, "renameByName": names,
		}})
}

// words is a text.
func words(title, description, markdown string) *text.PanelBuilder {
	return text.NewPanelBuilder().Title(title).Description(description).Mode(text.TextModeMarkdown).Content(markdown).
		Datasource(source())
}
