"""What is inside each plot: reliability with counts, paired differences with whiskers, latency beside the SLA?"""

import io
import re
import warnings
from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from gates.checks.ndcg import Ndcg
from gates.pairs import Arm
from gates.statistics.calibration import bin_of
from gates.statistics.pvalues import Interval, rate_interval
from reports.escaping import cut
from reports.model.gains import p95_of
from reports.model.story import Story

#: Of answers, at which their latency is drawn: more closely where they are slowest.
_SHARES = np.r_[np.linspace(0, 0.98, 120), np.linspace(0.98, 1, 40)]
#: What an SVG holds that nobody sees, two thirds of it: whose file it is, names that nothing points to, turns by
#: nothing, a font that a style names anew for each text; and digits beyond a tenth of a point.
_UNSEEN = re.compile(
    r'(?s) <metadata>.*?</metadata>\n| id="[\w.]+_\d+"| transform="rotate\(-0 [^"]*"| font-family: [^;]*;|^ +|(?<= )\n',
    re.MULTILINE,
)
_LONG = re.compile(r"(\d\.\d)\d+")
_FONT = ("*{stroke-linejoin", "*{font-family: 'DejaVu Sans', sans-serif; stroke-linejoin")
HERO, BASELINE, INK, FAINT = "#c2410c", "#1d4ed8", "#1f2937", "#9ca3af"


def svg(title: str, stamp: str, salt: str, size: tuple[float, float], fill: Callable[[Figure], None]) -> str:
    """A figure as an SVG document, drawn by `fill` between its title and its stamp; equal calls give equal bytes."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a label that its font cannot draw must not end a release in an error
        matplotlib.rcdefaults()  # whatever a matplotlibrc here says
        matplotlib.rcParams.update(
            {
                "svg.hashsalt": salt,
                "svg.fonttype": "none",  # text stays text: small, searchable, read aloud
                "text.parse_math": False,  # a "$" in an intent is a dollar
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.edgecolor": FAINT,
                "font.size": 9,
                "font.sans-serif": ["DejaVu Sans"],
            }
        )
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        figure.suptitle(title, fontsize=11, x=0.02, ha="left", color=INK)
        fill(figure)
        figure.supxlabel(stamp, fontsize=7.5, x=0.02, ha="left", color=INK)
        target = io.BytesIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return _LONG.sub(r"\1", _UNSEEN.sub("", target.getvalue().decode())).replace(*_FONT)


def whiskers(found: Sequence[Interval], scale: float = 1.0) -> tuple[list[float], list[list[float]]]:
    """Values, and how far their intervals reach below and above them: what `errorbar` draws."""
    values, lower, upper = ([scale * interval[end] for interval in found] for end in range(3))
    return values, [np.subtract(values, lower).tolist(), np.subtract(upper, values).tolist()]


def _say(figure: Figure, words: str) -> None:
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", color=INK, wrap=True)


def _arms(story: Story) -> tuple[tuple[str, str, str, Arm], ...]:
    assert story.measured is not None
    baseline = story.outcome.subject.baseline_name
    return (
        (baseline, BASELINE, "s", story.measured.baseline),
        (story.hero, HERO, "o", story.measured.hero),
    )


def _lacks(story: Story, column: str, words: str) -> str:
    """Why a plot has nothing to show, "" where it has something."""
    if story.measured is None or not len(story.measured):
        return "not evidenced: no pair was measured"
    arms = (story.measured.hero, story.measured.baseline)
    if all(np.isfinite(getattr(arm, column)).all() for arm in arms):
        return ""
    return f"not evidenced: {words} is not given for every answer"


def _bins(arm: Arm, edges: tuple[float, ...]) -> list[tuple[float, Interval, int]]:
    """(mean confidence, share correct, n) of each filled bin of the canary."""
    at = bin_of(arm.confidence, np.array(edges))
    filled = [(arm.confidence[at == k], arm.correct[at == k]) for k in np.unique(at)]
    return [(float(said.mean()), rate_interval(int(right.sum()), len(said)), len(said)) for said, right in filled]


def draw_reliability(story: Story, figure: Figure) -> None:
    """Share of right first answers against stated confidence, both arms, with the hero's count a bin below."""
    lacking = _lacks(story, "confidence", "confidence")
    if lacking or not story.edges:
        _say(figure, lacking or "not evidenced: this canary has no calibration bins")
        return
    assert story.measured is not None
    upper, lower = figure.subplots(2, 1, height_ratios=(4, 1))
    upper.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
    for name, colour, marker, arm in _arms(story):
        stated, shares, _ = zip(*_bins(arm, story.edges), strict=True)
        values, reach = whiskers(shares)
        upper.errorbar(
            stated, values, yerr=reach, color=colour, marker=marker,
            markersize=4 if colour == HERO else 7, markerfacecolor=colour if colour == HERO else "none", linewidth=1,
            label=f"{name} (whiskers: 95 %)" if colour == HERO else name,
        )  # fmt: skip
    upper.set_xlabel("stated confidence")
    upper.set_ylabel("share correct at rank 1")
    upper.set_xlim(0, 1)
    upper.set_ylim(0, 1)
    upper.legend(loc="upper left", frameon=False)
    _count(lower, [(f"{confidence:.2f}", n) for confidence, _, n in _bins(story.measured.hero, story.edges)])


def _count(axes: Axes, bins: list[tuple[str, int]]) -> None:
    """One bar a bin, evenly spaced: confidences may lie too close together for their counts to be read."""
    at, (stated, counts) = range(len(bins)), zip(*bins, strict=True)
    bars = axes.bar(at, counts, width=0.6, color=HERO, alpha=0.35)
    axes.bar_label(bars, [f"{n:,}" for n in counts], fontsize=7, color=INK)
    axes.set_ylim(0, 1.5 * max(counts))
    axes.set_xticks(at, stated)
    axes.set_yticks([])
    axes.set_ylabel("n")
    axes.set_xlabel("the hero's bins, by their mean stated confidence")


def reliability_words(story: Story) -> str:
    """What the reliability plot shows, for those who do not see it."""
    gain = story.gains.get("ece")
    if gain is None:
        return "Reliability diagram; no calibration error could be measured."
    return (
        f"Reliability diagram: share of right first answers against stated confidence, in {len(story.edges) + 1} bins. "
        f"Calibration error of the hero {gain.hero:.3f}, of the baseline {gain.baseline:.3f}."
    )


def _difference_rows(story: Story) -> list[tuple[str, Interval, bool]]:
    """(label, hero - baseline in points, is it over all queries?), in the order from top to bottom."""
    rows = []
    for metric in ("ndcg_at_10", "sla_recall_at_50"):
        parts = [story.gains.get(metric), *(gains.get(metric) for gains in story.by_intent.values())]
        found = [gain for gain in parts if gain is not None]
        for gain in found if len(found) != 2 else found[:1]:  # one intent is all queries again
            where = cut(gain.intent, 24) if gain.intent else "all queries"
            label = f"{gain.name.label}, {where} (n {gain.n:,})"
            rows.append((label, Interval(*(end * gain.name.scale for end in gain.difference)), not gain.intent))
    return rows


def draw_differences(story: Story, figure: Figure) -> None:
    """Hero minus baseline with whiskers, for all queries and by intent, beside the limit of the nDCG guard."""
    rows = _difference_rows(story)
    if not rows:
        _say(figure, "not evidenced: no pair was measured")
        return
    axes = figure.add_subplot()
    limit = 100 * story.outcome.subject.policy.limits(Ndcg).margin
    axes.axvline(0, color=INK, linewidth=1)
    axes.axvline(-limit, color=FAINT, linewidth=1, linestyle="--")
    axes.annotate(
        f"limit -{limit:g} pt", xy=(-limit, 1), xycoords=("data", "axes fraction"), xytext=(3, 2),
        textcoords="offset points", fontsize=7.5, color=INK,
    )  # fmt: skip
    for over_all in (True, False):
        at = [-i for i, row in enumerate(rows) if row[2] is over_all]
        values, reach = whiskers([difference for _, difference, whole in rows if whole is over_all])
        colour, marker, size, width = (HERO, "o", 6, 2) if over_all else (INK, "D", 4, 1)
        axes.errorbar(values, at, xerr=reach, color=colour, fmt=marker, markersize=size, capsize=3, linewidth=width)
    axes.set_yticks([-i for i in range(len(rows))], [label for label, _, _ in rows])
    axes.set_ylim(0.6 - len(rows), 0.6)
    furthest = 1.15 * max(limit, *(max(abs(d.lower), abs(d.upper)) for _, d, _ in rows if np.isfinite(d.lower)))
    axes.set_xlim(-furthest, furthest)
    axes.set_xlabel("points, hero minus baseline (95 %); right is better")


def difference_words(story: Story) -> str:
    """What the plot of differences shows, for those who do not see it."""
    words = "; ".join(
        f"{label}: {d.value:+.1f} [{d.lower:+.1f}, {d.upper:+.1f}]" for label, d, _ in _difference_rows(story)
    )
    return f"Paired differences in points, hero minus baseline, with 95 % intervals. {words or 'None was measured'}."


def draw_latency(story: Story, figure: Figure) -> None:
    """Both arms' latency distributions with their p95, beside the SLA."""
    lacking = _lacks(story, "latency_ms", "latency")
    if lacking:
        _say(figure, lacking)
        return
    axes, ends = figure.add_subplot(), []
    for name, colour, marker, arm in _arms(story):
        p95 = p95_of(arm.latency_ms)
        style = "-" if colour == HERO else "--"
        curve = np.quantile(arm.latency_ms, _SHARES, method="inverted_cdf")
        axes.plot(curve, _SHARES, color=colour, linestyle=style, linewidth=1.5, label=f"{name}: p95 {p95:.1f} ms")
        axes.plot([p95], [0.95], color=colour, marker=marker, markersize=5)
        ends += [arm.latency_ms.min(), arm.latency_ms.max()]
    sla_ms = story.outcome.subject.policy.sla_ms
    axes.axvline(sla_ms, color=INK, linewidth=1)
    axes.annotate(
        f"SLA {sla_ms:g} ms", xy=(sla_ms, 0.02), xytext=(-4, 0), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="right", fontsize=8, color=INK,
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(0.9 * max(0.01, min(ends)), 1.2 * max(sla_ms, *ends))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("ms until the answer")
    axes.set_ylabel("answers that have come")
    axes.legend(loc="best", frameon=False)


def latency_words(story: Story) -> str:
    """What the latency plot shows, for those who do not see it."""
    gain = story.gains.get("p95_latency_ms")
    if gain is None:
        return "Latency; not measured."
    return f"Distribution of latency: p95 of the hero {gain.hero:.1f} ms, of the baseline {gain.baseline:.1f} ms."
