"""Rules and findings of digital PCR: every code is listed, every number has its source."""

import re
from pathlib import Path

import remnant
from remnant.knowledge.dpcr import IMPLIED, dpcr_assays, dpcr_rules, unverified_rows, volume_source
from remnant.knowledge.tables import rows
from remnant.records.partition import DigitalWell

SOURCES = Path(remnant.__file__).parent


def test_every_code_is_listed_and_the_other_way_round():
    paths = [*(SOURCES / "assay" / "dpcr").glob("*.py"), SOURCES / "pipeline" / "digital.py"]
    used = {code for path in paths for code in re.findall(r'"(dpcr\.[a-z_]+)"', path.read_text())}
    assert used == {row["id"] for row in rows("findings") if row["id"].startswith("dpcr.")}


def test_the_two_droplet_volumes_in_use_lie_within_the_stated_error():
    droplet = dpcr_rules().instruments["qx"]
    assert droplet.status == "unverified"
    assert droplet.volume_nl == 0.85
    assert abs(0.91 / droplet.volume_nl - 1) < 2 * droplet.volume_cv


def test_assays_keep_their_platform_apart():
    assert {assay.platform for assay in dpcr_assays()} == {"dpcr"}
    assert all(assay.assay_id.endswith(" dPCR") for assay in dpcr_assays())


def test_every_unverified_row_is_named_where_it_is_in_use():
    common = {
        "run_id": "D-1", "channel": "1", "sample": "S-1", "kind": "unknown", "lowest_threshold": None,
        "highest_threshold": None, "lowest_positives": None, "highest_positives": None, "positives": 5,
        "accepted": 15_000, "state": "detected", "copies_per_ul": 0.4, "lower": 0.1, "upper": 1.0, "upper_limit": 1.0,
        "volume_nl": 0.85, "volume_cv": 0.04, "false_positive_rate": 1e-6, "limit_of_blank_positives": 1,
        "limit_of_detection_copies_per_ul": 0.5, "used": True, "decision": "used", "reason": "",
    }  # fmt: skip

    def well(position, target, source, gate="instrument"):
        threshold = None if gate == "none" else 4000.0
        return DigitalWell(
            position=position, target=target, volume_source=source, gate=gate, threshold=threshold, **common
        )

    rules = dpcr_rules()
    plain = [well("A01", "WT1", volume_source(rules.instruments["qx"]))]
    assert [row for row, _ in unverified_rows(rules, plain)] == [
        "qx",
        "blank",
        "replicates",
        "positivity",
        "run",
    ]
    every = [
        *(well(f"A0{i}", "WT1", volume_source(row)) for i, row in enumerate(rules.instruments.values())),
        well("B01", "WT1", IMPLIED, gate="control"),
        well("B01", "ABL1", IMPLIED, gate="control"),
    ]
    named = dict(unverified_rows(rules, every))
    assert named == {row["id"]: row["source"] for row in rows("dpcr") if row["status"] == "unverified"}
