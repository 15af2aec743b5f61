"""The timeline of one patient: therapies, markers, blasts and chimerism on one shared true time axis."""

from __future__ import annotations

from typing import Any

from remnant.records.dossier import Dossier
from remnant.report import draw, numbers, words
from remnant.report.series import assay_title, measured_assays
from remnant.report.timeline import fish, key, lane, marker, strip
from remnant.report.timeline.axis import LEFT, RIGHT, WIDTH, day_axis, frame, x_encoding

__all__ = ["describe", "spec", "svg"]


def spec(dossier: Dossier) -> dict[str, Any]:
    """Vega-Lite specification of a patient's timeline.

    Parameters
    ----------
    dossier : Dossier
        One patient, with or without a course.

    Returns
    -------
    dict
        Specification; its panels share one linear time axis, days below and dates above.
    """
    time = frame(dossier)
    if time is None:
        return draw.configured(
            {"mark": {"type": "text", "text": "Nothing with a date is known."}, "data": {"values": [{}]}}
        )
    panels = [lane.panel(time, dossier)]
    assays = measured_assays(dossier)
    panels += [marker.panel(time, dossier, assay, panels=len(assays)) for assay in assays]
    strips = [fish.panel(time, dossier), strip.blasts(time, dossier), strip.chimerism(time, dossier)]
    panels += [view for view in strips if view is not None]
    panels[-1]["layer"][0]["encoding"]["x"] = x_encoding(time, day_axis(time, labelled=True))
    return draw.configured({"vconcat": [*panels, key.panel(dossier)], "spacing": 34, "bounds": "flush"})


def svg(dossier: Dossier) -> str:
    """Timeline as SVG, drawn once for page and PDF.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    str
        SVG with its description.
    """
    return draw.svg(spec(dossier), description=describe(dossier), span=(-LEFT, WIDTH + RIGHT))


def describe(dossier: Dossier) -> str:
    """What the timeline shows, in words, for those who do not see it.

    Parameters
    ----------
    dossier : Dossier
        One patient.

    Returns
    -------
    str
        A few sentences; the table of the page holds every value.
    """
    time = frame(dossier)
    if time is None:
        return "An empty timeline: nothing with a date is known."
    scale = "transplantation" if time.transplanted else "the first date known"
    parts = [f"Timeline of patient {dossier.patient.patient_id} in days from {scale}."]
    for assay in measured_assays(dossier):
        held = [m for m in dossier.measurements if m.assay_id == assay.assay_id]
        counts = [
            numbers.plural(n, f"sample {state}", f"samples {state}")
            for state in ("quantified", "detected", "not detected", "not evaluable")
            if (n := sum(m.state == state for m in held))
        ]
        last = max(held, key=lambda m: m.drawn_on)
        value = numbers.measured(last, with_unit=last.state != "not evaluable")
        where = f"{words.place(last)}, day {numbers.day(time.day(last.drawn_on))}"
        parts.append(f"{assay_title(assay, last.unit)}: {', '.join(counts)}; last {value} ({where}).")
    if dossier.course is not None and dossier.course.overt_relapse_on is not None:
        parts.append(f"Overt relapse on day {numbers.day(time.day(dossier.course.overt_relapse_on))}.")
    parts.append("The table below holds the same data.")
    return " ".join(parts)
