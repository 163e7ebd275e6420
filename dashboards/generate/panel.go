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

const (
	// bridged are the milliseconds without a sample over which a line of the past
	// is drawn on: what backfill writes lies an hour apart.
	bridged = 75 * 60 * 1000
	// fine is enough points for the last of them to be of now, more or less.
	fine = 1000
	// nothingYet is what charts say where there is nothing.
	nothingYet = "No data yet"
)

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

// stats shows each series as a number of its own.
func stats(title, description, unit string) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Title(title).Description(description).Datasource(source()).
		Unit(unit).NoValue(unknown).Mappings(mapped(unknown, nil)).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(sky)).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
		JustifyMode(common.BigValueJustifyModeAuto).FieldMinMax(true).Orientation(common.VizOrientationHorizontal).
		TextMode(common.BigValueTextModeValueAndName).WideLayout(true).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"last"}).Fields("").Values(false))
}

// number is one value, or a few below each other, with the past as a line. Its
// queries are made with current.
func number(title, description, unit string, queries ...query) *stat.PanelBuilder {
	return alone(stats(title, description, unit), queries).Targets(ranges(surely(queries))).
		GraphMode(common.BigValueGraphModeArea).MaxDataPoints(fine)
}

// fact is a number as it is at this moment, without a past.
func fact(title, description, unit string, queries ...query) *stat.PanelBuilder {
	return alone(stats(title, description, unit), queries).Targets(instants(surely(queries)))
}

// alone leaves out the name of a number that is alone: the title says it.
func alone(p *stat.PanelBuilder, queries []query) *stat.PanelBuilder {
	if len(queries) == 1 {
		p.TextMode(common.BigValueTextModeValue)
	}
	return p
}

// stateTile is a fact in words on a ground of its colour.
func stateTile(title, description, otherwise string, words map[int]wording, expr string) *stat.PanelBuilder {
	return inWords(fact(title, description, "none", query{expr, strings.ToLower(title)}), otherwise, words)
}

// stateTiles has one for each application.
func stateTiles(title, description, otherwise string, words map[int]wording, expr string) *stat.PanelBuilder {
	p := stats(title, description, "none").Targets(instants([]query{{expr, "{{application}}"}})).Orientation(common.VizOrientationAuto)
	return inWords(p, otherwise, words)
}

func inWords(p *stat.PanelBuilder, otherwise string, words map[int]wording) *stat.PanelBuilder {
	return p.NoValue(otherwise).Mappings(mapped(otherwise, words)).ColorMode(common.BigValueColorModeBackground).
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

// chart is values over time, from zero up.
func chart(title, description, unit, nothing string, looks []look, queries ...query) *timeseries.PanelBuilder {
	return level(title, description, unit, nothing, looks, queries...).AxisSoftMin(0)
}

// history is a chart of what backfill writes too. Its queries are made with past.
func history(title, description, unit, nothing string, looks []look, queries ...query) *timeseries.PanelBuilder {
	return bridge(chart(title, description, unit, nothing, looks, queries...))
}

func bridge(p *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return p.SpanNulls(common.BoolOrFloat64{Float64: cog.ToPtr[float64](bridged)})
}

// level is values over time whose changes are small beside them.
func level(title, description, unit, nothing string, looks []look, queries ...query) *timeseries.PanelBuilder {
	p := timeseries.NewPanelBuilder().Title(title).Description(description).Datasource(source()).Targets(ranges(queries)).
		Unit(unit).NoValue(nothing).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(sky)).
		DrawStyle(common.GraphDrawStyleLine).LineInterpolation(common.LineInterpolationLinear).
		LineWidth(1).FillOpacity(0).ShowPoints(common.VisibilityModeAuto).PointSize(4).
		SpanNulls(common.BoolOrFloat64{Bool: cog.ToPtr(false)}).
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
	series  string // a regular expression for its names
	words   map[int]wording
	bridged bool // its past may be that of backfill
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
		properties := []dashboard.DynamicConfigValue{property("mappings", mapped(unknown, l.words))}
		if l.bridged {
			properties = append(properties, property("custom.spanNulls", bridged))
		}
		p.OverrideByRegexp(l.series, properties)
	}
	return p
}

// column is one of a table. Its query gives a value for each row.
type column struct {
	expr, title, unit string
	decimals          *float64
	width             int
	words             map[int]wording // shown in words on a coloured ground
}

// grid is a table with a row for each value of the labels, whose names it puts
// into words.
func grid(title, description string, labels [][2]string, columns ...column) *table.PanelBuilder {
	names, order := map[string]string{}, map[string]int{}
	for i, l := range labels {
		names[l[0]], order[l[0]] = l[1], i
	}
	p := table.NewPanelBuilder().Title(title).Description(description).Datasource(source()).Unit("short").
		NoValue("–").Align(common.FieldTextAlignmentAuto).CellHeight(common.TableCellHeightSm).ShowHeader(true).
		Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{"sum"})).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(sky))
	for i, c := range columns {
		value := "Value #" + refID(i)
		if len(columns) == 1 {
			value = "Value" // as the only one is called
		}
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
		if c.words != nil {
			properties = append(properties, property("mappings", mapped(unknown, c.words)),
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

// markdown is a text.
func markdown(title, description, content string) *text.PanelBuilder {
	return text.NewPanelBuilder().Title(title).Description(description).Mode(text.TextModeMarkdown).Content(content).
		Datasource(source())
}

// percent shows a value as a percentage.
func percent(decimals float64) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{property("unit", "percentunit"), property("decimals", decimals)}
}
