"""Every page of a study in one folder, and links that lead somewhere."""

import datetime as dt
import re
from dataclasses import fields

import pytest

from remnant.course.build import build_courses
from remnant.example.files import write_study_a
from remnant.example.study_a import simulate_study_a
from remnant.pipeline.imports import import_paths
from remnant.pipeline.reports import last_day, write_reports
from remnant.records.amplification import CurveResult
from remnant.records.run import Run, Well
from remnant.report.context import Context
from remnant.report.curves import RunCurves, run_page
from remnant.study.derived import write_derived
from remnant.study.dossiers import dossiers
from remnant.study.facts import facts
from remnant.study.folder import init_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = tmp_path_factory.mktemp("reports")
    write_study_a(simulate_study_a(patients=6, seed=1, curves=False), place / "raw")
    made = init_study(place / "study", name="Example", by="anna")
    import_paths(made, [place / "raw"], by="anna")
    write_derived(made, "course", {"all": ("h", build_courses(dossiers(made)))})
    return made


def test_every_patient_has_a_page_and_the_flagged_ones_a_pdf(study, tmp_path):
    told = []
    made = write_reports(study, tmp_path, progress=lambda *step: told.append(step))
    codes = [one.patient.patient_id for one in dossiers(study)]
    pages = sorted(path.stem for path in (tmp_path / "patients").glob("*.html"))
    pdfs = sorted(path.stem for path in (tmp_path / "patients").glob("*.pdf"))
    assert pages == sorted(codes)
    assert pdfs == sorted(row.patient_id for row in made.worklist)
    assert (made.pages, made.pdfs) == (len(pages), len(pdfs))
    assert made.pdfs > 0, "the example has a relapse"
    assert told[-1] == ("reports", 6, 6)


def test_every_link_leads_to_a_file_that_was_written(study, tmp_path):
    write_reports(study, tmp_path, pdfs="none")
    for page in [*tmp_path.glob("*.html"), *tmp_path.glob("patients/*.html")]:
        for link in re.findall(r'href="([^"#:]+)"', page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), (page.name, link)


def test_curves_stand_on_the_page_of_their_run_and_patients_lead_there(study, tmp_path):
    write_reports(study, tmp_path / "without", pdfs="none")
    assert not (tmp_path / "without" / "curves.html").exists()
    some = [one for one in facts(study, Well) if one.run_id == facts(study, Run)[-1].run_id][:5]
    names = [field.name for field in fields(CurveResult)][5:]
    read = [
        CurveResult(
            run_id=one.run_id,
            position=one.position,
            target=one.target,
            call="amplified",
            reason="",
            **{**dict.fromkeys(names), "cq": 26.5, "cq_se": 0.1},
        )
        for one in some
    ]
    write_derived(study, "curves", {"file": ("h", read)})
    try:
        write_reports(study, tmp_path / "with", pdfs="none")
    finally:
        write_derived(study, "curves", {}, remove=["file"])
    (page,) = (tmp_path / "with" / "curves").glob("*.html")
    assert page.read_text(encoding="utf-8").count("26.50 ± 0.10") == len(some)
    assert f'href="curves/{page.name}"' in (tmp_path / "with" / "curves.html").read_text(encoding="utf-8")
    assert 'href="curves.html"' in (tmp_path / "with" / "index.html").read_text(encoding="utf-8")
    links = [
        link
        for path in (tmp_path / "with" / "patients").glob("*.html")
        for link in re.findall(r'href="(../curves/[^"]+)"', path.read_text(encoding="utf-8"))
    ]
    assert set(links) <= {f"../curves/{page.name}"}


def test_reports_of_what_is_gone_are_removed_and_nothing_else(study, tmp_path):
    write_reports(study, tmp_path, pdfs="all")
    codes = sorted(one.patient.patient_id for one in dossiers(study))
    page, pdf = (tmp_path / "patients" / f"{codes[0]}.{kind}" for kind in ("html", "pdf"))
    gone = page.read_text(encoding="utf-8").replace(f"<title>{codes[0]}: ", "<title>P998: ")
    (tmp_path / "patients" / "P998.html").write_text(gone, encoding="utf-8")
    renamed = pdf.read_bytes().replace(f">{codes[0]}: ".encode(), b">P998: ")
    (tmp_path / "patients" / "P998.pdf").write_bytes(renamed)
    context = Context(
        study="Example", software="remnant 0.1.0", written_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    )
    run = RunCurves(run_id="R/99", curves=(), wells={}, usual={})
    old = run_page(run, cq_source="instrument", context=context, synthetic=True)
    (tmp_path / "curves").mkdir()
    for name in ("R-99.html", "R-99.2.html", "kept by us.html"):
        (tmp_path / "curves" / name).write_text(old, encoding="utf-8")
    (tmp_path / "curves.html").write_text(old.replace("curves of run R/99", "amplification curves"))
    (tmp_path / "patients" / "copy of the report.pdf").write_bytes(pdf.read_bytes())
    (tmp_path / "patients" / "notes.html").write_text("<title>notes: of a person</title>")
    (tmp_path / "controls.html").write_text("<title>not by remnant: internal controls</title>")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    made = write_reports(study, tmp_path)
    flagged = {row.patient_id for row in made.worklist}
    assert set(codes) - flagged, "the example has a patient without a flag"
    after = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert made.removed == (
        "curves.html",
        "curves/R-99.2.html",
        "curves/R-99.html",
        *(f"patients/{code}.pdf" for code in codes if code not in flagged),
        "patients/P998.html",
        "patients/P998.pdf",
    )
    assert before - after == {tmp_path / name for name in made.removed}
    assert write_reports(study, tmp_path).removed == ()


def test_the_pdf_of_a_patient_asked_for_stays_until_the_study_is_written_again(study, tmp_path):
    made = write_reports(study, tmp_path)
    calm = next(
        code
        for code in sorted(one.patient.patient_id for one in dossiers(study))
        if code not in {row.patient_id for row in made.worklist}
    )
    assert write_reports(study, tmp_path, only=[calm]).removed == ()
    assert (tmp_path / "patients" / f"{calm}.pdf").is_file()
    assert write_reports(study, tmp_path).removed == (f"patients/{calm}.pdf",)


@pytest.mark.parametrize(("pdfs", "count"), [("none", 0), ("all", 6)])
def test_pdfs_are_written_for_whom_they_are_asked(study, tmp_path, pdfs, count):
    assert write_reports(study, tmp_path, pdfs=pdfs).pdfs == count
    assert len(list(tmp_path.glob("patients/*.pdf"))) == count


def test_the_worklist_is_made_for_a_day(study, tmp_path):
    late = write_reports(study, tmp_path, pdfs="none", on=dt.date(2100, 1, 1))
    early = write_reports(study, tmp_path, pdfs="none", on=dt.date(2000, 1, 1))
    assert sum(row.overdue_days for row in early.worklist) == 0
    assert {row.patient_id for row in late.worklist} == {row.patient_id for row in early.worklist}


def test_the_last_day_is_that_of_any_sample_or_event(study):
    held = dossiers(study)
    days = [sample.drawn_on for one in held for sample in one.samples]
    assert last_day(held) == max([*days, *(event.on for one in held for event in one.events)])
    assert last_day([]) == dt.date.min


def test_a_study_without_patients_still_has_an_index(tmp_path):
    empty = init_study(tmp_path / "study", name="Empty", by="anna")
    made = write_reports(empty, tmp_path / "out")
    assert (made.pages, made.worklist) == (0, ())
    assert (tmp_path / "out" / "index.html").is_file()
