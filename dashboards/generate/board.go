package main

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

const (
	// schema is the version of the classic model that Grafana 10 knows; newer
	// ones migrate it.
	schema = 39
	// columns is the width of Grafana's grid.
	columns = 24
	tag     = "connectycube"
)

// board is a dashboard that grows downwards, line by line.
type board struct {
	*dashboard.DashboardBuilder
	file   string
	y      uint32
	id     uint32
	panels []dashboard.PanelOrRowPanel
	err    error
}

// newBoard is empty. The classic model that the library advises against is the one
// that file provisioning takes, and older Grafanas know. span is the time that it shows at first, such as "7d".
func newBoard(file, uid, title, description, span string) *board {
	//lint:ignore SA1019 see above
	b := dashboard.NewDashboardBuilder(title).Uid(uid).Description(description).Tags([]string{tag}).
		Time("now-"+span, "now").Timezone("browser").Refresh("1m").Readonly().
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data Source").Type("prometheus").
			Description("The Prometheus that scrapes the exporter.")).
		WithVariable(variable("job", "Job", "", "label_values(connectycube_exporter_build_info, job)")).
		WithVariable(variable("instance", "Instance", "", `label_values(connectycube_exporter_build_info{job=~"$job"}, instance)`)).
		WithVariable(variable("application", "Application", "As named by --app or in the configuration file.",
			`label_values(connectycube_up{job=~"$job",instance=~"$instance"}, application)`)).
		// A firing alert without an application is of the program.
		Annotation(annotation("Alerts", vermillion, `ALERTS{alertname=~"ConnectyCube.*",alertstate="firing",application=~"$application|"}`,
			"{{alertname}}", "{{application}} {{severity}}")).
		Annotation(annotation("Exporter starts", purple, "1000 * "+program("process_start_time_seconds")+" and on (job, instance) "+program("connectycube_exporter_build_info"),
			"Exporter started", "{{instance}}").UseValueForTime(true)).
		Link(dashboard.NewDashboardLinkBuilder("ConnectyCube").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).Icon("external link").Tooltip("The other boards, for the same applications and time.").
			IncludeVars(true).KeepTime(true)).
		Link(dashboard.NewDashboardLinkBuilder("Runbook").Type(dashboard.DashboardLinkTypeLink).Icon("doc").
			Tooltip("What each alert means and what to do.").TargetBlank(true).
			Url("https://github.com/connectycube-exporter/connectycube_exporter/blob/main/alerts/RUNBOOK.md"))
	return &board{DashboardBuilder: b, file: file}
}

// variable takes its values from the chosen Prometheus; all of them at first.
func variable(name, label, description, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).Description(description).Datasource(source()).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": query, "refId": name}}).Definition(query).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc).
		Multi(true).IncludeAll(true).AllValue(".+").
		Current(dashboard.VariableOption{
			Selected: cog.ToPtr(true),
			Text:     dashboard.StringOrArrayOfString{String: cog.ToPtr("All")},
			Value:    dashboard.StringOrArrayOfString{String: cog.ToPtr("$__all")},
		})
}

func annotation(name, color, expr, title, text string) *dashboard.AnnotationQueryBuilder {
	return dashboard.NewAnnotationQueryBuilder().Name(name).Datasource(source()).Enable(true).IconColor(color).
		Expr(expr).TitleFormat(title).TextFormat(text).Step("1m").
		Target(prometheus.NewDataqueryBuilder().RefId("Anno").Expr(expr).Interval("1m").Range())
}

// cell is a panel with its width.
type cell struct {
	width uint32
	panel cog.Builder[dashboard.Panel]
}

func at(width uint32, panel cog.Builder[dashboard.Panel]) cell { return cell{width, panel} }

// line puts panels beside each other, over the whole width.
func (b *board) line(height uint32, cells ...cell) {
	x := uint32(0)
	for _, c := range cells {
		p, err := c.panel.Build()
		if err != nil {
			b.fail(err)
			return
		}
		b.id++
		p.Id = cog.ToPtr(b.id)
		p.GridPos = &dashboard.GridPos{H: height, W: c.width, X: x, Y: b.y}
		b.panels = append(b.panels, dashboard.PanelOrRowPanel{Panel: &p})
		x += c.width
	}
	if x != columns {
		b.fail(fmt.Errorf("the line at %d is %d wide", b.y, x))
	}
	b.y += height
}

// row begins a part with a heading. With repeat it and what follows, up to the
// next row, are there for each value of that variable.
func (b *board) row(title, repeat string) {
	b.id++
	r := dashboard.RowPanel{
		Type: "row", Title: &title, Id: b.id, Panels: []dashboard.Panel{},
		GridPos: &dashboard.GridPos{H: 1, W: columns, Y: b.y},
	}
	if repeat != "" {
		r.Repeat = &repeat
	}
	b.panels = append(b.panels, dashboard.PanelOrRowPanel{RowPanel: &r})
	b.y++
}

func (b *board) fail(err error) {
	if b.err == nil {
		b.err = fmt.Errorf("%s: %w", b.file, err)
	}
}

// render gives the board as a file.
func (b *board) render() ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	d, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.file, err)
	}
	d.SchemaVersion = schema
	d.Panels = b.panels
	// Placements that only newer versions know.
	for i := range d.Links {
		d.Links[i].Placement = nil
	}
	for i := range d.Annotations.List {
		d.Annotations.List[i].Placement = nil
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.file, err)
	}
	return append(text, '\n'), nil
}

// openBroken is the link from a table's row to the board that judges one
// application.
func openBroken() dashboard.DynamicConfigValue {
	return property("links", []map[string]any{{
		"title": "Is chat broken?",
		"url": "/d/" + brokenUID + "/is-chat-broken?var-application=${__data.fields.Application:percentencode}" +
			"&${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}",
	}})
}
