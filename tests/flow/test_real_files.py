"""Every cytometry file of the real data: read, or refused with the reason that a person would give."""

import pytest

from remnant.acquire import RefusedFileError, read_path

OFF_BY_ONE = "fcs.offset_off_by_one"
DISAGREE = "fcs.offset_disagreement"
NO_MATRIX = "fcs.spillover_unusable"
# file: version, events, channels, whether a spillover matrix is used, findings; None where it is refused
FILES = {
    "gating_ml_2/data1.fcs": ("2.0", 13_367, 8, False, []),
    "index_sorted/index_sorted_example.fcs": ("3.0", 384, 13, True, []),
    "noncompliant/data_start_offset_discrepancy_example.fcs": ("3.0", 2, 26, False, [DISAGREE, NO_MATRIX]),
    "noncompliant/data_stop_offset_discrepancy_example.fcs": ("3.0", 2, 26, False, [DISAGREE, NO_MATRIX]),
    "pbmc/100715.fcs": ("2.0", 65_016, 16, True, []),
    "small/H1_PhenoGraph_cluster1.fcs": ("3.0", 100, 44, False, []),
    "small/H1_PhenoGraph_cluster2.fcs": ("3.0", 100, 44, False, []),
    "small/H1_PhenoGraph_cluster3.fcs": ("3.0", 100, 44, False, []),
    "small/Healthy1_Basal.fcs": ("3.0", 100, 52, False, []),
    "small/UPN1_Basal.fcs": ("3.0", 100, 52, False, []),
    "small/bm5721_healthy_basal.fcs": ("3.0", 100, 59, False, []),
    "small/parbiu_dx_basal.fcs": ("3.0", 100, 59, False, []),
    "vendor/EY_2013-07-19_PBS_FCS_2.0_Custom_Without_Add_Well_A1.001.fcs": ("2.0", 10_000, 16, False, []),
    "vendor/EY_2013-07-19_PBS_FCS_3.1_Well_A1.001.fcs": ("3.1", 10_000, 19, False, [OFF_BY_ONE, NO_MATRIX]),
    "vendor/FCS_3.0_Fortessa_PBS_Specimen_001_A1_A01.fcs": ("3.0", 11_585, 11, True, []),
    "vendor/HTS_BD_LSR_II_Mixed_Specimen_001_D6_D06.fcs": ("3.0", 14_945, 11, True, []),
    "vendor/SG_2014-09-26_Duplicate_Names.fcs": ("3.1", 8_129, 9, False, [OFF_BY_ONE]),
    "vendor/corrupted.fcs": None,
    "vendor/facs_diva_test.fcs": ("3.0", 83_411, 12, True, []),
    "vendor/fake_large_fcs.fcs": ("3.0", 11_585, 11, True, []),
}


def test_the_table_names_every_file(real_data):
    folder = real_data / "flow"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.fcs")}
    assert found == set(FILES)


@pytest.mark.parametrize("name", [name for name, known in FILES.items() if known is not None])
def test_a_file_is_read_with_its_repairs_told(real_data, name):
    version, events, channels, compensated, codes = FILES[name]
    acquired = read_path(real_data / "flow" / name)
    (tube,) = acquired.tubes
    assert (tube.version, tube.events, len(tube.channels)) == (version, events, channels)
    assert (tube.spillover is not None) is compensated
    assert sorted({finding.code for finding in acquired.findings}) == codes
    assert acquired.source.format == f"fcs {version}"


def test_a_file_that_is_none_is_refused_as_such(real_data):
    with pytest.raises(RefusedFileError, match="not a cytometry file"):
        read_path(real_data / "flow" / "vendor" / "corrupted.fcs")
