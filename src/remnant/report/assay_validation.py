"""The page of an assay's validation: its limits first, then detection, precision, and every level.

Copies are copies a well. Points are measured, with their 95 % interval; the thick line is the assay's model,
the thin one a published approach. A limit that the wells do not support is said with its reason.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy.stats import beta

from remnant.numerics import detection_curve
from remnant.numerics.calibration_range import PrecisionProfile
from remnant.numerics.partitions import cv_of_rate, found_above
from remnant.records.validation import (
    AssayValidation,
    BlankLimit,
    DetectionLimit,
    DigitalBasis,
    LevelPrecision,
    QuantificationLimit,
)
from remnant.report import draw, html, numbers
from remnant.report.assay_validation_words import (
    copies_text,
    describe,
    level_text,
    nominal_text,
    sentence,
    span_text,
)
from remnant.report.context import Context
from remnant.report.palette import INK, LOOK, MUTED, marker_hue
from remnant.report.table import Cell, Column, Section, Table

__all__ = [
    "describe",
    "detection_svg",
    "level_table",
    "limit_table",
    "page",
    "precision_svg",
    "sentence",
]

_WIDTH: Final = 560
_HEIGHT: Final = 220
_POINTS: Final = 81
_LARGEST_CV: Final = 2.0
_MOST_PERCENT: Final = 100.0
_DETECTED: Final = 0.95
_MODELS: Final = {
    "one hit": "one hit: one molecule is enough",
    "dilution error": "one hit, dilutions uncertain",
    "over-dispersion": "over-dispersed counts",
    "several hits": "several molecules needed",
    "probit": "probit on log copies (published approach)",
    "logit": "logit on log copies (published approach)",
    "lowest level": "lowest level with 95 % signals (published approach)",
    "above blank": "above the limit of blank, by counting",
}


def limit_table(found: AssayValidation) -> Table:
    """Every limit with what stands behind it.

    Parameters
    ----------
    found : AssayValidation
        Validation.

    Returns
    -------
    Table
        One row a limit; the assay's own limit of detection leads.
    """
    columns = (
        Column("Limit"),
        Column("Basis", share=1),
        Column("Copies a well", number=True),
        Column("95 % interval", number=True),
        Column("What stands behind it", share=1),
    )
    rows = [_detection_row(limit, found.digital) for limit in found.detection]
    rows += [row for rule in found.quantification for row in _quantification_rows(found, rule)]
    if found.blank is not None:
        rows += _blank_rows(found)
    if found.linear_low is not None and found.linear_high is not None:
        rows.append(
            (
                Cell("Linear range"),
                Cell("level means on one line"),
                Cell(f"{nominal_text(found.linear_low)} to {nominal_text(found.linear_high)}"),
                Cell(""),
                Cell(f"slope {numbers.signed(found.slope)}, R² {found.r_squared:.4f}"),
            )
        )
    return Table(title="Limits", columns=columns, rows=tuple(rows))


def _detection_row(limit: DetectionLimit, held: DigitalBasis | None) -> tuple[Cell, ...]:
    behind = []
    if held is not None:
        within = numbers.plural(held.limit_of_blank_positives, "positive partition")
        behind.append(f"95 % of wells have more than {within}")
    if limit.detection_probability is not None:
        behind.append(f"{limit.detection_probability:.2f} hits a nominal copy")
    if limit.fit_p is not None:
        behind.append(f"fit {numbers.p_value(limit.fit_p)}")
    if limit.gain_p is not None:
        behind.append(f"gain over one hit {numbers.p_value(limit.gain_p)}")
    return (
        Cell("Detection, 95 %", note="the assay's limit" if limit.chosen else ""),
        Cell(_MODELS[limit.model], tone="" if limit.chosen else "muted"),
        Cell(copies_text(limit.copies), sort=f"{limit.copies:.6g}"),
        Cell(span_text(limit.lower, limit.upper)),
        Cell(", ".join(behind)),
    )


def _quantification_rows(found: AssayValidation, rule: QuantificationLimit) -> list[tuple[Cell, ...]]:
    def row(basis: str, shown: str, behind: str) -> tuple[Cell, ...]:
        return (Cell("Quantification", note=rule.label), Cell(basis), Cell(shown), Cell(""), Cell(behind))

    def level(copies: float | None) -> str:
        return "none" if copies is None else level_text(copies)

    replicates = numbers.plural(rule.replicates, "replicate") if rule.replicates else "no level meets it"
    return [
        row("lowest level that meets it", level(rule.by_levels), replicates),
        row("lowest level whose interval meets it", level(rule.assured), ""),
        row(
            "precision profile",
            "none" if rule.by_model is None else copies_text(rule.by_model),
            "technical and counting variance of all levels"
            if found.digital is None
            else "counting of partitions, and variation between wells",
        ),
    ]


def _blank_rows(found: AssayValidation) -> list[tuple[Cell, ...]]:
    blank = found.blank
    if blank is None:
        return []
    if found.digital is not None:
        return _digital_blank_rows(blank, found.digital)
    said = f"{blank.positive} of {blank.wells} blanks with signal, at most {numbers.percent(100 * blank.rate_upper)} % (95 %)"
    ranks = "no signal" if blank.by_ranks is None else copies_text(blank.by_ranks)
    return [
        (
            Cell("Blank, 95 %"),
            Cell("ranks"),
            Cell(ranks if blank.ranked else "too few blanks"),
            Cell(""),
            Cell(said),
        ),
        (
            Cell("Blank, 95 %"),
            Cell("Poisson at the bound of the rate"),
            Cell("no signal" if blank.by_model is None else copies_text(blank.by_model)),
            Cell(""),
            Cell("molecules of a blank well"),
        ),
    ]


def _digital_blank_rows(blank: BlankLimit, held: DigitalBasis) -> list[tuple[Cell, ...]]:
    a, b = held.false_positives
    said = f"{blank.positive} of {blank.wells} blanks with a positive partition; {1e6 * a / (a + b):.2g} false positives a million partitions"
    ranks = "none" if blank.by_ranks is None else copies_text(blank.by_ranks)
    model = "none" if blank.by_model is None else copies_text(blank.by_model)
    return [
        (
            Cell("Blank, 95 %"),
            Cell("beta-binomial prediction"),
            Cell(model),
            Cell(""),
            Cell(
                f"{numbers.plural(held.limit_of_blank_positives, 'positive partition')} of {held.partitions:,}"
            ),
        ),
        (
            Cell("Blank, 95 %"),
            Cell("ranks"),
            Cell(ranks if blank.ranked else "too few blanks"),
            Cell(""),
            Cell(said),
        ),
    ]


def _cv(value: float | None) -> str:
    if value is None:
        return ""
    return numbers.percent(100 * value) if value <= _LARGEST_CV else f"over {100 * _LARGEST_CV:.0f}"


def _cv_span(one: LevelPrecision) -> str:
    known = one.cv is not None and one.cv <= _LARGEST_CV
    return f" ({_cv(one.cv_lower)} to {_cv(one.cv_upper)})" if known else ""


def level_table(found: AssayValidation) -> Table:
    """Every level.

    Parameters
    ----------
    found : AssayValidation
        Validation.

    Returns
    -------
    Table
        From the lowest level.
    """
    if found.digital is not None:
        return _digital_levels(found)
    columns = (
        Column("Copies a well", number=True),
        Column("Signals", number=True),
        Column("Mean Cq", number=True),
        Column("SD of Cq", number=True),
        Column("CV, % (95 %)", number=True),
        Column("CV by profile, %", number=True),
        Column("Off the line, log₁₀", number=True),
        Column("Range", share=1),
    )

    rows = tuple(
        (
            Cell(nominal_text(one.copies), sort=f"{one.copies:.6g}"),
            Cell(f"{one.detected} of {one.wells}"),
            Cell("" if one.mean_cq is None else f"{one.mean_cq:.2f}"),
            Cell("" if one.sd_cq is None else f"{one.sd_cq:.2f}"),
            Cell(_cv(one.cv) + _cv_span(one)),
            Cell(_cv(one.cv_model)),
            Cell(numbers.signed(one.deviation_log10)),
            Cell("linear" if one.in_linear_range else "", tone="muted"),
        )
        for one in found.levels
    )
    return Table(
        title="Levels",
        columns=columns,
        rows=rows,
        note="Scatter within plates, of the wells with signal. Below the lowest level with 95 % signals it leaves out the silent wells and says little.",
    )


def _digital_levels(found: AssayValidation) -> Table:
    columns = (
        Column("Sample", share=1),
        Column("Copies a well, mean", number=True),
        Column("Above blank", number=True),
        Column("CV, % (95 % interval)", number=True),
        Column("CV by profile, %", number=True),
    )
    rows = tuple(
        (
            Cell(one.name),
            Cell(copies_text(one.copies), sort=f"{one.copies:.6g}"),
            Cell(f"{one.detected} of {one.wells}"),
            Cell(_cv(one.cv) + _cv_span(one)),
            Cell(_cv(one.cv_model)),
        )
        for one in found.levels
    )
    return Table(
        title="Levels",
        columns=columns,
        rows=rows,
        note="Copies are counted, not nominal, blank subtracted. Scatter between the wells of one sample within runs.",
    )


def _x(found: AssayValidation) -> dict[str, Any]:
    copies = [one.copies for one in found.levels]
    return {
        "field": "copies",
        "type": "quantitative",
        "title": "nominal copies a well" if found.digital is None else "copies a well, mean of the wells",
        "scale": {"type": "log", "domain": [min(copies) / 1.6, max(copies) * 1.6]},
        "axis": {"grid": False, "values": copies, "format": ",.3~r"}
        if found.digital is None
        else {"grid": False, "format": ",.3~r"},
    }


def _grid(found: AssayValidation) -> np.ndarray[Any, Any]:
    copies = [one.copies for one in found.levels]
    return np.geomspace(min(copies) / 1.5, max(copies) * 1.5, _POINTS)


def _curve(
    rows: list[dict[str, float]], colour: str, *, width: float, dash: tuple[int, ...] = ()
) -> dict[str, Any]:
    mark = {"type": "line", "color": colour, "strokeWidth": width, "aria": False, "clip": True}
    return {"data": {"values": rows}, "mark": {**mark, **({"strokeDash": list(dash)} if dash else {})}}


def _share(one: LevelPrecision) -> dict[str, Any]:
    """Share of wells with signal at one level, with its exact interval, percent."""
    k, n = one.detected, one.wells
    return {
        "copies": one.copies,
        "share": 100 * k / n,
        "low": 100 * float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0,
        "high": 100 * float(beta.ppf(0.975, k + 1, n - k)) if k < n else 100.0,
        "title": f"{k} of {n} wells at {nominal_text(one.copies)} copies",
    }


def _points(rows: list[dict[str, Any]], x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    """Measured levels with their intervals."""
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1, "aria": False},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "point", "filled": True, "size": 46, "color": INK, "opacity": 1},
            "encoding": {"x": x, "y": y, "description": {"field": "title"}},
        },
    ]


def detection_svg(found: AssayValidation) -> str:
    """Share of wells with signal against copies.

    Parameters
    ----------
    found : AssayValidation
        Validation with a limit of detection.

    Returns
    -------
    str
        SVG.
    """
    hue = marker_hue(found.target)
    y = {
        "field": "share",
        "type": "quantitative",
        "title": "wells with signal, %" if found.digital is None else "wells above the limit of blank, %",
        "scale": {"domain": [0, 100]},
        "axis": {"values": [0, 25, 50, 75, 95, 100]},
    }
    x = _x(found)
    points = [_share(one) for one in found.levels]
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": [{"share": 95}]},
            "mark": {"type": "rule", "color": MUTED, "strokeWidth": 0.8, "strokeDash": [2, 3], "aria": False},
            "encoding": {"y": y},
        }
    ]
    shown = _drawn(found)
    layers += [{**_fitted(found, limit, hue), "encoding": {"x": x, "y": y}} for limit in reversed(shown)]
    chosen = found.limit_of_detection
    if chosen is not None:
        low, high = found.levels[0].copies / 1.6, found.levels[-1].copies * 1.6
        share = _share_at(found, chosen)
        span = {
            "copies": max(chosen.lower or low, low),
            "end": min(chosen.upper or high, high),
            "share": share,
        }
        layers += [
            {
                "data": {"values": [span]},
                "mark": {"type": "rule", "color": hue, "strokeWidth": 3, "opacity": 0.35, "aria": False},
                "encoding": {"x": x, "x2": {"field": "end"}, "y": y},
            },
            {
                "data": {"values": [{"copies": chosen.copies, "share": share}]},
                "mark": {
                    "type": "point",
                    "shape": "diamond",
                    "filled": True,
                    "size": 90,
                    "color": hue,
                    "aria": False,
                },
                "encoding": {"x": x, "y": y},
            },
        ]
    layers += _points(points, x, y)
    spec = draw.configured({"width": _WIDTH, "height": _HEIGHT, "layer": layers})
    return draw.svg(spec, description=describe(found))


def _drawn(found: AssayValidation) -> list[DetectionLimit]:
    """Models whose curves are drawn; the points are signals, so where the limit lies above the blank, that of a signal."""
    shown = [limit for limit in found.detection if limit.chosen or limit.model == "probit"]
    if found.digital is None and shown and shown[0].model == "above blank":
        return [found.detection[1], *shown[1:]]
    return shown


def _share_at(found: AssayValidation, chosen: DetectionLimit) -> float:
    """Height of the limit on the drawn curve, %."""
    if found.digital is not None or chosen.model != "above blank":
        return 95.0
    one = found.detection[1].copies
    return 100.0 * float(detection_curve.probability("one hit", np.array([chosen.copies]), limit=one)[0])


def _fitted(found: AssayValidation, limit: DetectionLimit, hue: str) -> dict[str, Any]:
    """Curve of one model, refitted to the levels that the table shows."""
    if found.digital is not None:
        held, copies = found.digital, _grid(found)
        share = found_above(
            copies / held.partitions,
            held.partitions,
            held.limit_of_blank_positives,
            held.false_positives,
        )
        rows = [{"copies": float(c), "share": 100 * float(s)} for c, s in zip(copies, share, strict=True)]
        return _curve(rows, hue, width=2.2)
    data = detection_curve.Detections(
        np.array([one.copies for one in found.levels]),
        np.array([one.detected for one in found.levels]),
        np.array([one.wells for one in found.levels]),
    )
    grid = _grid(found)
    model: detection_curve.Model = "probit" if limit.model == "probit" else "one hit"
    shape = detection_curve.fit(data, "probit").shape if model == "probit" else None
    share = detection_curve.probability(model, grid, limit=limit.copies, shape=shape)
    rows = [{"copies": float(c), "share": 100 * float(s)} for c, s in zip(grid, share, strict=True)]
    own = model != "probit"
    return _curve(rows, hue if own else MUTED, width=2.2 if own else 1.0, dash=() if own else (5, 3))


def precision_svg(found: AssayValidation) -> str:
    """Coefficient of variation against copies, with the rules of quantification.

    Parameters
    ----------
    found : AssayValidation
        Validation with a precision profile.

    Returns
    -------
    str
        SVG.
    """
    y = {
        "field": "cv",
        "type": "quantitative",
        "title": "CV of copies, %",
        "scale": {"domain": [0, _MOST_PERCENT]},
        "axis": {"values": [0, 25, 35, 50, 75, 100]},
    }
    x = _x(found)
    points = [
        {
            "copies": one.copies,
            "cv": 100 * one.cv,
            "low": min(100 * (one.cv_lower or one.cv), _MOST_PERCENT),
            "high": min(100 * (one.cv_upper or one.cv), _MOST_PERCENT),
            "title": f"CV {numbers.percent(100 * one.cv)} % at {nominal_text(one.copies)} copies, {one.detected} wells",
        }
        for one in found.levels
        if one.cv is not None and 100 * one.cv <= _MOST_PERCENT
    ]
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": [{"cv": 100 * rule.cv_max} for rule in found.quantification]},
            "mark": {"type": "rule", "color": LOOK, "strokeWidth": 0.9, "strokeDash": [2, 3], "aria": False},
            "encoding": {"y": y},
        }
    ]
    if (
        found.technical_sd_cycles is not None
        and found.counting_factor is not None
        and found.slope is not None
    ):
        profile = PrecisionProfile(found.technical_sd_cycles, found.counting_factor, found.slope)
        full = [one.copies for one in found.levels if one.detected >= _DETECTED * one.wells]
        grid = _grid(found)
        grid = grid[grid >= min(full) / 1.5]
        rows = [
            {"copies": float(c), "cv": 100 * float(v)} for c, v in zip(grid, profile.cv(grid), strict=True)
        ]
        layers.append({**_curve(rows, marker_hue(found.target), width=2.2), "encoding": {"x": x, "y": y}})
    if found.digital is not None:
        grid = _grid(found)
        cv = cv_of_rate(grid / found.digital.partitions, found.digital.partitions, found.digital.well_sd)
        rows = [
            {"copies": float(c), "cv": 100 * float(v)}
            for c, v in zip(grid, cv, strict=True)
            if 100 * v <= _MOST_PERCENT
        ]
        layers.append({**_curve(rows, marker_hue(found.target), width=2.2), "encoding": {"x": x, "y": y}})
    layers += _points(points, x, y)
    spec = draw.configured({"width": _WIDTH, "height": _HEIGHT, "layer": layers})
    return draw.svg(spec, description=f"Precision profile of {found.target}. {sentence(found)}")


def page(found: AssayValidation, *, context: Context, synthetic: bool = False, source: str = "") -> str:
    """Self-contained HTML page of a validation.

    Parameters
    ----------
    found : AssayValidation
        Validation.
    context : Context
        What the page says about itself.
    synthetic : bool, default False
        Whether the data are made up.
    source : str, default ""
        File or folder whose wells were read.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    doubts = Table(
        title="Doubts",
        columns=(Column("Severity"), Column("Why", share=2), Column("What to do", share=1)),
        rows=tuple(
            (Cell(one.severity, tone="look"), Cell(one.message), Cell(one.advice or ""))
            for one in found.findings
        ),
    )
    sections = [
        Section(
            title="What the assay sees",
            caption=f"From the wells of {source}." if source else "",
            tables=(doubts, limit_table(found)),
        )
    ]
    if found.limit_of_detection is not None and found.levels:
        sections.append(
            Section(
                title="Detection",
                figure=draw.inline(detection_svg(found), css_class="validation", identity="detection"),
                caption="Share of wells with signal at each level, exact 95 % intervals. Thick: the assay's model at nominal copies; "
                "diamond and bar: the limit of detection and its interval. Dashed: probit, the published approach."
                if found.digital is None
                else "Share of wells above the limit of blank at each level, exact 95 % intervals. Thick: what counting and the blanks predict; "
                "diamond and bar: the limit of detection, and what the blanks leave open of it.",
                tables=(),
            )
        )
    if found.digital is not None and found.levels:
        sections.append(
            Section(
                title="Precision",
                figure=draw.inline(precision_svg(found), css_class="validation", identity="precision"),
                caption=f"Points: scatter between wells, 95 % intervals. Line: counting of {found.digital.partitions:,} partitions "
                f"and {100 * found.digital.well_sd:.1f} % between wells. Dotted: the rules of quantification.",
                tables=(level_table(found),),
            )
        )
    elif found.technical_sd_cycles is not None:
        sections.append(
            Section(
                title="Precision",
                figure=draw.inline(precision_svg(found), css_class="validation", identity="precision"),
                caption=f"Technical SD {found.technical_sd_cycles:.3f} cycles; counting variance {found.counting_factor:.2f} times Poisson. "
                "Dotted: the rules of quantification.",
                tables=(level_table(found),),
            )
        )
    else:
        sections.append(Section(title="Levels", tables=(level_table(found),)))
    return html.render(
        "sections.html",
        context=context,
        synthetic=synthetic,
        heading="validation",
        sentence=sentence(found),
        sections=sections,
    )
