"""Rules and findings of digital PCR: every code is listed, every number has its source."""

import re
from pathlib import Path

import remnant
from remnant.knowledge.dpcr import dpcr_assays, dpcr_rules
from remnant.knowledge.tables import rows

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
