"""How laboratories write column names and coded values: English, Russian, German.

Names are compared folded (`fold`): case, spaces, points, brackets and underscores do not count. A name
that mixes Latin and Cyrillic letters is read with the Latin look-alikes (``Cт`` with a Cyrillic т, as
some instruments export it), and the reader says so.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = [
    "CHOICE_ALIASES",
    "COLUMN_ALIASES",
    "COPIES",
    "ERROR_CELLS",
    "FALSE_WORDS",
    "MISSING_WORDS",
    "NEGATIVE_WORDS",
    "NOT_DETECTED_WORDS",
    "TRUE_WORDS",
    "fold",
    "is_blank_name",
    "latin",
    "mixes_scripts",
    "squash",
]

_LONGEST_NAME: Final = 200
_LOOKALIKES: Final = str.maketrans("АВЕКМНОРСТУХІЈЅавекмнорстухіјѕ", "ABEKMHOPCTYXIJSabekmhopctyxijs")


def mixes_scripts(text: str) -> bool:
    """Whether Latin and Cyrillic letters stand in one word.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bool
        True for ``"Cт"``; False for ``"WT1, рецидив"``, whose words are each of one script.
    """
    return not text.isascii() and any(
        any("a" <= c <= "z" for c in word.lower()) and any("Ѐ" <= c <= "ӿ" for c in word)
        for word in text.replace("_", " ").split()
    )


def latin(text: str) -> str:
    """Text with Cyrillic look-alikes replaced by Latin letters.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        For example ``"WT1"`` for ``"WТ1"``.
    """
    return text.translate(_LOOKALIKES)


def fold(text: str) -> str:
    """Text in the form in which names are compared.

    Parameters
    ----------
    text : str
        A column name or a coded value.

    Returns
    -------
    str
        Letters, digits and the percent sign, in one case; of a text longer than any name its beginning.

    Examples
    --------
    >>> fold("Drawn on"), fold("drawn_on"), fold("Cт")
    ('drawnon', 'drawnon', 'ct')
    """
    text = text[:_LONGEST_NAME]
    text = latin(text) if mixes_scripts(text) else text
    text = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return "".join(c for c in text if c.isalnum() or c == "%")


def squash(text: str) -> str:
    """Text in the form in which coded words with signs are compared.

    Parameters
    ----------
    text : str
        A cell.

    Returns
    -------
    str
        In one case and without spaces.

    Examples
    --------
    >>> squash("< LOD")
    '<lod'
    """
    return "".join(text.casefold().split())


COLUMN_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "patient_id": ("patient", "patient code", "пациент", "код пациента", "Patientencode", "Patientennummer"),
    "diagnosis": ("диагноз", "Diagnose"),
    "sex": ("gender", "пол", "Geschlecht"),
    "age_years": ("age", "возраст", "возраст, лет", "Alter"),
    "fab": ("FAB class", "ФАБ", "FAB-Typ"),
    "lesion": ("genetic lesion", "генетическое нарушение", "genetische Läsion"),
    "transcript": ("транскрипт", "Transkript"),
    "risk": ("risk group", "группа риска", "Risikogruppe"),
    "status_at_transplant": (
        "status",
        "disease status",
        "статус",
        "статус при ТГСК",
        "Status bei Transplantation",
    ),
    "donor": ("донор", "Spender"),
    "conditioning": ("кондиционирование", "режим кондиционирования", "Konditionierung"),
    "synthetic": ("синтетический", "synthetisch"),
    "events.kind": ("event", "событие", "Ereignis"),
    "therapies.kind": ("therapy", "treatment", "терапия", "лечение", "Therapie", "Behandlung"),
    "on": ("date", "event date", "дата", "дата события", "Datum"),
    "detail": ("details", "подробности", "примечание", "Einzelheiten", "Bemerkung"),
    "start_on": ("start", "start date", "начало", "дата начала", "Beginn", "Startdatum"),
    "end_on": ("end", "end date", "окончание", "дата окончания", "Ende", "Enddatum"),
    "agent": ("drug", "препарат", "Medikament", "Wirkstoff"),
    "target_antigen": ("antigen", "антиген", "Zielantigen"),
    "sample_id": ("sample", "sample code", "образец", "код образца", "проба", "Probe", "Probennummer"),
    "material": ("specimen", "материал"),
    "drawn_on": (
        "drawn",
        "date drawn",
        "collection date",
        "дата взятия",
        "дата забора",
        "Entnahmedatum",
        "entnommen am",
    ),
    "received_on": (
        "received",
        "date received",
        "дата поступления",
        "Eingangsdatum",
        "eingegangen am",
    ),
    "reason": ("reason for sampling", "причина", "причина взятия", "Anlass", "Entnahmegrund"),
    "blast_percent": ("blasts %", "blast %", "бласты %", "Blasten %"),
    "chimerism_whole_percent": ("chimerism %", "donor chimerism %", "химеризм %", "Chimärismus %"),
    "chimerism_cd3_percent": ("CD3 chimerism %", "химеризм CD3 %", "Chimärismus CD3 %"),
    "chimerism_cd34_percent": ("CD34 chimerism %", "химеризм CD34 %", "Chimärismus CD34 %"),
    "quality": ("sample quality", "качество", "качество образца", "Probenqualität"),
    "cd34_percent": ("CD34 %",),
    "cdna_id": ("cDNA", "кДНК", "номер кДНК", "cDNA-Nummer"),
    "transcribed_on": (
        "RT date",
        "date of reverse transcription",
        "дата ОТ",
        "дата обратной транскрипции",
        "Datum der reversen Transkription",
    ),
    "rna_ng": ("РНК, нг",),
    "rna_integrity": ("RIN", "целостность РНК", "RNA-Integrität"),
    "kit_lot": ("lot", "серия набора", "Charge", "Kit-Charge"),
    "fraction_id": ("fraction", "фракция", "Fraktion"),
    "tubes.file": ("FCS file", "file name", "файл", "Datei", "Dateiname"),
    "panel": ("tube panel", "панель"),
    "channel": ("$PnN", "fluorochrome channel", "канал", "Kanal"),
    "antigen": ("антиген",),
    "valid_from": ("действует с", "gültig ab"),
    "valid_until": ("действует до", "gültig bis"),
    "compartment": ("population", "компартмент", "Kompartiment"),
    "sort_gate": ("gate", "гейт"),
    "purity": ("чистота", "Reinheit"),
    "reanalysed_events": ("reanalyzed events", "событий при реанализе", "reanalysierte Ereignisse"),
    "yield_cells": ("sorted cells", "выход клеток", "Zellausbeute"),
    "run_id": ("run", "run name", "plate", "постановка", "номер постановки", "планшет", "Lauf", "Platte"),
    "run_on": ("run date", "дата постановки", "Laufdatum"),
    "instrument": ("cycler", "прибор", "амплификатор", "Gerät"),
    "serial": ("serial number", "серийный номер", "Seriennummer"),
    "operator": ("оператор", "исполнитель", "Bediener"),
    "primer_lot": ("серия праймеров", "Primer-Charge"),
    "standard_lot": ("серия стандартов", "Standard-Charge"),
    "cdna_ul_per_well": ("cDNA µl per well", "кДНК на лунку, мкл", "cDNA µl pro Well"),
    "chemistry": ("химия", "Chemie"),
    "threshold": ("порог", "Schwellenwert"),
    "cycles": ("number of cycles", "число циклов", "Zyklen", "Zyklenzahl"),
    "target": ("gene", "target name", "detector", "мишень", "ген", "Gen", "Zielgen"),
    "control": (
        "control gene",
        "reference gene",
        "контрольный ген",
        "референсный ген",
        "Kontrollgen",
        "Referenzgen",
    ),
    "unit": ("units", "единица", "единицы", "ед. изм.", "Einheit"),
    "value": ("result", "значение", "результат", "Wert", "Ergebnis"),
    "control_copies": ("control gene copies", "копии контрольного гена", "Kontrollgenkopien"),
    "upper_limit": ("less than", "меньше", "kleiner als"),
    "lower_limit": ("more than", "больше", "größer als"),
    "cq.sample": ("sample name", "sample_id", "образец", "проба", "имя образца", "Probe", "Probenname"),
    "variant": ("mutation", "isoform", "вариант", "мутация", "Variante"),
    "rearrangement": ("primer", "assay", "перестройка", "Rearrangement"),
    "igtr.kind": ("type", "task", "well type", "тип", "Typ"),
    "igtr.sample_id": ("sample", "sample name", "образец", "проба", "Probe"),
    "diagnosis_share": ("dilution", "dilution step", "разведение", "Verdünnung"),
    "dna_ng": ("DNA ng", "amplifiable DNA ng", "ДНК, нг", "DNA, ng"),
    "cq": (
        "Ct",
        "Cp",
        "Ст",
        "Ct value",
        "Cq value",
        "Cp value",
        "cycle threshold",
        "quantification cycle",
        "пороговый цикл",
    ),
    "well": ("position", "well position", "pos", "лунка", "позиция"),
    "type": ("kind", "task", "sample type", "content", "тип", "тип образца", "Typ", "Probentyp"),
    "quantity": ("starting quantity", "starting quantity (SQ)", "SQ", "количество", "Menge"),
    "standard_copies": (
        "quantity (copies)",
        "copies",
        "copies per well",
        "given conc (copies/reaction)",
        "копии",
        "число копий",
        "Kopien",
        "Kopienzahl",
    ),
    "cdna_ul": ("cDNA µl", "кДНК, мкл"),
    "dilution": ("dilution factor", "разведение", "Verdünnung"),
    "excluded": ("omit", "exclusion", "исключено", "причина исключения", "ausgeschlossen", "Ausschlussgrund"),
    "probe": ("FISH probe", "зонд", "Sonde"),
    "scored": ("nuclei scored", "total nuclei", "всего ядер", "ausgezählte Kerne"),
    "reader": ("scored by", "читал", "Auswerter"),
    "preparation": ("slide", "препарат", "Präparat"),
    "events": ("cells found", "событий", "gefundene Zellen"),
    "share": ("proportion", "доля", "Anteil"),
    "marker": ("маркер",),
    "clone": ("клон", "Klon"),
    "intensity": ("class", "интенсивность", "Intensität"),
    "cells": ("number of cells", "число клеток", "Zellzahl"),
    "replicate": ("replicate number", "повтор", "номер повтора", "Replikat"),
}

CHOICE_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "BM": ("bone marrow", "marrow", "КМ", "костный мозг", "KM", "Knochenmark"),
    "PB": ("peripheral blood", "blood", "ПК", "периферическая кровь", "кровь", "Blut", "peripheres Blut"),
    "f": ("female", "ж", "жен", "женский", "w", "weiblich"),
    "m": ("male", "м", "муж", "мужской", "männlich"),
    **{f"fab.M{n}": (f"FAB M{n}", f"AML M{n}", f"М{n}", f"ОМЛ М{n}") for n in range(8)},
    "diagnosis": ("диагноз", "дебют", "Diagnose"),
    "remission": ("CR", "ремиссия", "Remission"),
    "transplant": ("HSCT", "transplantation", "ТГСК", "трансплантация", "Transplantation"),
    "engraftment": ("приживление", "Engraftment"),
    "acute_gvhd": ("aGVHD", "острая РТПХ", "akute GvHD"),
    "chronic_gvhd": ("cGVHD", "хроническая РТПХ", "chronische GvHD"),
    "relapse": ("рецидив", "Rezidiv"),
    "extramedullary_relapse": ("экстрамедуллярный рецидив", "extramedulläres Rezidiv"),
    "death": ("смерть", "Tod"),
    "last_contact": ("last follow-up", "последний контакт", "letzter Kontakt"),
    "off_study": ("end of follow-up", "lost to follow-up", "withdrawn", "снят с наблюдения", "Studienende"),
    "chemotherapy": ("химиотерапия", "Chemotherapie"),
    "conditioning": ("кондиционирование", "Konditionierung"),
    "immunosuppression": ("ИСТ", "иммуносупрессия", "Immunsuppression"),
    "taper": ("снижение ИСТ", "Ausschleichen"),
    "dli": ("ИДЛ", "donor lymphocyte infusion", "Donorlymphozyten"),
    "azacitidine": ("азацитидин", "Azacitidin"),
    "venetoclax": ("венетоклакс",),
    "tki": ("ИТК",),
    "blinatumomab": ("блинатумомаб",),
    "inotuzumab": ("инотузумаб",),
    "car_t": ("CAR-T",),
    "interferon": ("интерферон",),
    "other": ("другое", "andere"),
    "scheduled": ("routine", "плановый", "geplant"),
    "confirmation": ("подтверждение", "Bestätigung"),
    "suspected_relapse": ("подозрение на рецидив", "Rezidivverdacht"),
    "donor": ("донор", "Spender"),
    "control": ("контроль", "Kontrolle"),
    "unknown": ("неизвестно", "unbekannt"),
    "type.unknown": ("unkn", "sample", "неизвестно", "образец", "проба", "unbekannt", "Probe"),
    "standard": ("std", "стандарт", "Standard"),
    "ntc": ("no template control", "non-template control", "без матрицы", "Leerkontrolle"),
    "no_rt": ("nrt", "minus RT", "без ОТ", "ohne RT"),
    "negative_control": ("nac", "ntp", "neg control", "отрицательный контроль", "Negativkontrolle"),
    "follow_up": ("follow-up", "FU", "unkn", "unknown", "sample", "контроль ремиссии", "Verlauf"),
    "kind.dilution": ("standard", "std", "dilution series", "разведение", "Verdünnung"),
    "background": ("NAC", "polyclonal", "MNC", "polyclonal control", "поликлональный контроль", "polyklonal"),
    "positive_control": ("pos", "pos control", "положительный контроль", "Positivkontrolle"),
    "calibrator": ("opt", "калибратор", "Kalibrator"),
}

COPIES: Final = (
    "copies",
    "cop",
    "copies/well",
    "copies per well",
    "copies/reaction",
    "copies per reaction",
    "копии",
    "копий",
    "коп",
    "Kopien",
)
"""Units of a standard that mean copies in the well."""

NOT_DETECTED_WORDS: Final = (
    "Undetermined",
    "neg",
    "negative",
    "н/о",
    "не обнаружено",
    "отр",
    "отрицательный",
    "nicht nachweisbar",
    "negativ",
    "<LOD",
    "N/A",
    "NaN",
    "No Ct",
    "No Cq",
    "-1",
)
"""Cq cells that say: amplification was looked for and not found."""

NEGATIVE_WORDS: Final = tuple(
    word for word in NOT_DETECTED_WORDS if word not in {"N/A", "NaN", "No Ct", "No Cq", "-1"}
)
"""Value cells that say: below the limit of this sample."""

MISSING_WORDS: Final = (
    "",
    "-",
    "–",
    "—",
    "NA",
    "N/A",
    "NaN",
    "n.a.",
    "н/д",
    "нет данных",
    "k. A.",
    "k.A.",
    "missing",
)
"""Cells of an optional column that say: not known."""

TRUE_WORDS: Final = ("true", "yes", "y", "1", "да", "ja")
FALSE_WORDS: Final = ("false", "no", "n", "0", "нет", "nein")

ERROR_CELLS: Final = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#ERROR!", "#N/D", "#Н/Д", "#NV"}
)
"""What a spreadsheet writes in place of a value that it could not compute."""

_BLANK_NAMES: Final = frozenset(
    map(
        fold,
        (
            "ntc",
            *CHOICE_ALIASES["ntc"],
            "non template control",
            "no template",
            "blank",
            "water",
            "nuclease-free water",
            "H2O",
            "вода",
            "Wasser",
        ),
    )
)
_NUMBER_BEHIND: Final = re.compile(r"[-_ .]*[0-9]+$")


def is_blank_name(name: str) -> bool:
    """Whether a well's name says that it holds no template: the whole name, with or without a number behind it.

    Parameters
    ----------
    name : str
        Name of the sample in a well whose file says nothing else about it.

    Returns
    -------
    bool
        True for ``"NTC"`` and its like in the languages of the tables.

    Examples
    --------
    >>> is_blank_name("NTC"), is_blank_name("ntc 02"), is_blank_name("NTC-like"), is_blank_name("H2O"), is_blank_name("S-2")
    (True, True, False, True, False)
    """
    return fold(name) in _BLANK_NAMES or fold(_NUMBER_BEHIND.sub("", name.strip())) in _BLANK_NAMES
