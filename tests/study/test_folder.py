"""A study is a folder: its settings are read strictly."""

import pytest

from remnant.errors import ConflictError, InputError, NotFoundError
from remnant.study.audit import audit_trail
from remnant.study.folder import init_study, open_study


def test_settings_come_back(tmp_path):
    made = init_study(tmp_path / "a", name='AML "2020" Ж', by="anna", language="ru")
    opened = open_study(tmp_path / "a")
    assert opened.settings == made.settings
    assert opened.settings.language == "ru"
    assert opened.settings.active_rules == ()
    assert opened.inbox.is_dir()


def test_a_second_study_in_the_same_place_is_a_conflict(study):
    with pytest.raises(ConflictError, match="a folder without one"):
        init_study(study.folder, name="other", by="boris")
    assert open_study(study.folder).settings.name == "Test"


def test_there_must_be_a_study(tmp_path):
    with pytest.raises(NotFoundError, match="remnant init"):
        open_study(tmp_path)


def test_an_unknown_language_is_refused(tmp_path):
    with pytest.raises(InputError, match="en, ru, de"):
        init_study(tmp_path / "a", name="a", by="anna", language="fr")
    assert not (tmp_path / "a").exists()


def test_all_problems_of_the_settings_are_named_at_once(study):
    (study.folder / "study.toml").write_text(
        '[study]\nname = 3\nlangauge = "ru"\n[rules]\nactive = [1]\n[other]\n', encoding="utf-8"
    )
    with pytest.raises(InputError) as refused:
        open_study(study.folder)
    assert refused.value.problems == (
        "unknown section [other]",
        "unknown key study.langauge",
        "study.name: found 3, need a str",
        "study.created: found None, need a date",
        "rules.active: found [1], need a list of texts",
    )


def test_settings_that_are_not_toml_are_refused(study):
    (study.folder / "study.toml").write_text("[study", encoding="utf-8")
    with pytest.raises(InputError, match="valid TOML"):
        open_study(study.folder)


def test_the_active_rules_are_read(study):
    path = study.folder / "study.toml"
    text = path.read_text(encoding="utf-8").replace("active = []", 'active = ["eln2021.wt1.bm"]')
    path.write_text(text, encoding="utf-8")
    assert open_study(study.folder).settings.active_rules == ("eln2021.wt1.bm",)


def test_an_address_without_driver_is_refused(tmp_path):
    with pytest.raises(InputError, match="install the driver"):
        init_study(tmp_path / "a", name="a", by="anna", database="postgresql+nodriver://host/name")


def test_making_a_study_is_the_first_entry_of_the_audit(study):
    assert [(entry.entry, entry.action, entry.by) for entry in audit_trail(study)] == [(1, "init", "anna")]
