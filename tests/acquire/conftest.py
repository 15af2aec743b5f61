"""What the tests of this stage share: an RDML document to vary, and zip files around bytes."""

import io
import zipfile

import pytest

from remnant.acquire import RefusedFileError, read


def _plate(rows=8, columns=12):
    return (
        f"<pcrFormat><rows>{rows}</rows><columns>{columns}</columns>"
        "<rowLabel>ABC</rowLabel><columnLabel>123</columnLabel></pcrFormat>"
    )


def _react(number, sample, *data):
    return f'<react id="{number}"><sample id="{sample}"/>{"".join(data)}</react>'


def _data(target="WT1", cq="30.5", more=""):
    inner = "" if cq is None else f"<cq>{cq}</cq>"
    return f'<data><tar id="{target}"/>{inner}{more}</data>'


def _adp(values, first=1):
    return "".join(
        f"<adp><cyc>{cycle}</cyc><fluor>{value}</fluor></adp>"
        for cycle, value in enumerate(values, start=first)
    )


SAMPLES = (
    '<sample id="S-1"><type>unkn</type></sample>'
    '<sample id="STD"><type>std</type><quantity><value>1500</value><unit>cop</unit></quantity></sample>'
    '<sample id="H2O"><type>ntc</type></sample>'
)
TARGETS = '<target id="WT1"><type>toi</type><dyeId id="FAM"/></target><target id="ABL1"><type>ref</type><dyeId id="VIC"/></target>'


class RdmlText:
    """Pieces of an RDML document, as text."""

    samples = SAMPLES
    targets = TARGETS
    plate = staticmethod(_plate)
    react = staticmethod(_react)
    data = staticmethod(_data)
    adp = staticmethod(_adp)

    @staticmethod
    def run(*reacts, name="R-1", plate=None, before=""):
        return f'<run id="{name}">{before}{_plate() if plate is None else plate}{"".join(reacts)}</run>'

    @staticmethod
    def document(*runs, version="1.3", samples=SAMPLES, targets=TARGETS, before=""):
        return (
            f'<rdml version="{version}" xmlns="http://www.rdml.org">{before}{samples}{targets}'
            f'<experiment id="E-1">{"".join(runs)}</experiment></rdml>'
        ).encode()

    def one(self, *data, sample="S-1", number="1", **more):
        """A document with one reaction."""
        return self.document(self.run(self.react(number, sample, *data)), **more)


@pytest.fixture(scope="session")
def rdml():
    return RdmlText()


@pytest.fixture(scope="session")
def zipped():
    def make(members, compression=zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return out.getvalue()

    return make


@pytest.fixture(scope="session")
def codes():
    """Codes of the problems for which reading is refused."""

    def of(data, name="table.csv"):
        with pytest.raises(RefusedFileError) as refused:
            read(name, data if isinstance(data, bytes) else data.encode())
        return [problem.code for problem in refused.value.details]

    return of
