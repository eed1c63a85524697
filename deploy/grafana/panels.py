"""
How a panel looks here, whatever it shows.

The dashboards are of the classic model, which every Grafana since 9 reads from files; the library would rather have its
successor, which only the newest do. A query says `{JOB}` or `{JOB, …}` where the dashboard's choice of jobs belongs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

WIDTH = 24  # Grafana's grid
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "shikyu"


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` is Grafana's, with labels in double braces."""

    expr: str
    legend: str = ""

    def target(self, number: int) -> prometheus.Dataquery:
        expr = self.expr.replace("{JOB", '{job=~"$job"')
        made = prometheus.Dataquery().expr(expr).ref_id(chr(ord("A") + number)).datasource(SOURCE).range()
        return made.legend_format(self.legend) if self.legend else made


def figure(
    title: str, what: str, unit: str, *queries: Query, bad: float | None = None, worse: float | None = None
) -> stat.Panel:
    """One number, the latest: orange from `bad` on and red from `worse`; where `worse` is the lower one, below them."""
    panel = stat.Panel().title(title).description(what).datasource(SOURCE).unit(unit).height(4)
    panel = panel.graph_mode(BigValueGraphMode.AREA).color_mode(BigValueColorMode.VALUE)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    thresholds = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(_steps(bad, worse))
    panel = panel.thresholds(thresholds)
    for number, query in enumerate(queries):
        panel = panel.with_target(query.target(number))
    return panel


def _steps(bad: float | None, worse: float | None) -> list[Threshold]:
    if bad is None or worse is None:
        return [Threshold(None, "text")]
    if worse < bad:
        return [Threshold(None, "red"), Threshold(worse, "orange"), Threshold(bad, "green")]
    return [Threshold(None, "green"), Threshold(bad, "orange"), Threshold(worse, "red")]


def graph(title: str, what: str, unit: str, *queries: Query, stacked: bool = False) -> timeseries.Panel:
    """Lines over time; `stacked` where they are parts of one whole."""
    panel = timeseries.Panel().title(title).description(what).datasource(SOURCE).unit(unit).height(8).min(0)
    panel = panel.fill_opacity(40 if stacked else 8).line_width(1).show_points(VisibilityMode.NEVER)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    panel = panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    panel = panel.legend(
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
    for number, query in enumerate(queries):
        panel = panel.with_target(query.target(number))
    return panel


Line = Sequence[stat.Panel | timeseries.Panel]
Row = tuple[str, Sequence[Line]]


def board(uid: str, title: str, what: str, since: str, rows: Iterable[Row]) -> Dashboard:
    """A dashboard of rows, each of lines, whose panels share the whole width."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(what)
        .tags([TAG])
        .readonly()
        .time(since, "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_jobs())
        .link(
            dashboard.DashboardLink(TAG)
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(False)
            .keep_time(True)
            .include_vars(True)
        )
    )
    for name, lines in rows:
        made = made.with_row(dashboard.Row(name))
        for line in lines:
            for panel in _sharing_the_width(line):
                made = made.with_panel(panel)
    built = made.build()
    for number, each in enumerate(built.panels or [], start=1):
        each.id_val = number
    return built


def _jobs() -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable("job")
        .label("Job")
        .datasource(SOURCE)
        .query("label_values(shikyu_build_info, job)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)  # of these jobs: `up` has others, which are not ours
    )


def _sharing_the_width(line: Line) -> Line:
    each = WIDTH // len(line)
    for panel in line:
        panel.span(each)
    line[-1].span(WIDTH - each * (len(line) - 1))
    return line
