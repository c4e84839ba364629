"""INSEE's files: each published layout is read, and what does not fit is refused by its place with the remedy."""

from __future__ import annotations

import csv

import pytest

from appetence.enrichment import insee
from appetence.errors import ConfigError

SQUARE = "CRS3035RES200mN2893{}00E3763200"

NAMES = """CODREG;REG;CODDEP;CODARR;CODCAN;CODCOM;COM;PMUN;PCAP;PTOT
84;Auvergne-Rhône-Alpes;01;2;08;001;L'Abergement-Clémenciat;860;16;876
84;Auvergne-Rhône-Alpes;01;1;01;002;L'Abergement-de-Varey;267;3;270
84;Auvergne-Rhône-Alpes;01;1;01;004;Ambérieu-en-Bugey;14854;318;15172
94;Corse;2A;1;01;001;Afa;3150;30;3180
94;Corse;2B;2;03;002;Aghione;263;2;265
01;Guadeloupe;971;1;01;101;Les Abymes;52400;300;52700
04;La Réunion;974;4;01;01;Les Avirons;11100;150;11250
11;Île-de-France;75;1;;101;Paris 1er;15114;90;15204
28;Normandie;27;2;05;001;Aclou;300;4;304
"""
CODES = """REG;DEP;COM;Commune;PMUN2023;PTOT2023
84;01;01001;L'Abergement-Clémenciat;860;876
84;01;01002;L'Abergement-de-Varey;267;270
84;01;01004;Ambérieu-en-Bugey;14854;15172
94;2A;2A001;Afa;3150;3180
94;2B;2B002;Aghione;263;265
01;971;97101;Les Abymes;52400;52700
04;974;97401;Les Avirons;11100;11250
11;75;75101;Paris 1er;15114;15204
28;27;27001;Aclou;300;304
"""
COMMUNES = """CODGEO;NBMENFISC21;NBPERSMENFISC21;MED21;PIMP21;TP6021;D121
01001;330;860;24550;s;s;s
01002;110;267;24100.4;s;s;s
01004;6500;14000;21560;49;14.2;11800
01005;760;1750;25090,5;;7,5;
01006;s;s;s;s;s;s
01007;1160;2850;23560;56;0;12100
01008;310;nd;nd;nd;nd;nd
01009;10;24;20000;ns;9;ns
2A001;1300;3100;24300;60;10.4;12000
"""
IRIS = """\ufeffIRIS;DISP_TP6021;DISP_INCERT21;DISP_Q121;DISP_MED21;DISP_NOTE21
010040101;14,0;1;15800;20550;0
010040102;22,0;1;13900;18330;0
010040201;nd;;nd;nd;1
010040202;8,0;0;19000;24810;0
751010101;ns;;ns;ns;2
751010201;11,0;1;22000;36040;0
2A0040101;16,0;1;15000;21000;0
974010101;35,0;1;10100;15080;0
751010301;12,0;1;21000;34000;0
"""
SQUARES = "\n".join(
    [
        "idcar_200m,idcar_1km,i_est_200,lcog_geo,ind,men,men_pauv,men_1ind,ind_snv",
        *(f"{SQUARE.format(n)},CRS3035RES1000mN2893000E3763000,0,751{n}9,{20 + n}.5,{9 + n},{n},{n},{1000 * (20 + n)}.5" for n in range(9)),
    ]
)
NOW = """CODGEO;LIBGEO;NBMENFISC21;MED21;TP6021
010040101;Gare;800;20550;14
"""


def read(text: str, source: insee.Source) -> list[tuple[object, ...]]:
    """All lines of a file's text."""
    lines = text.splitlines() or [""]
    return list(insee.read_lines(csv.reader(lines, delimiter=insee.separator(lines[0])), source, "file.csv", set()))


@pytest.mark.parametrize("text", [NAMES, CODES, CODES.replace(";", ",")])
def test_legal_populations_by_number_or_by_code(text: str) -> None:
    found = dict(read(text, insee.LEGAL_POPULATIONS))  # type: ignore[arg-type]  # pairs
    assert found == {
        "01001": 860, "01002": 267, "01004": 14854, "2A001": 3150, "2B002": 263, "97101": 52400, "97401": 11100, "75101": 15114, "27001": 300,
    }  # fmt: skip


def test_incomes_by_commune_with_what_is_secret_left_open() -> None:
    found = {code: values for code, *values in read(COMMUNES, insee.COMMUNE_INCOMES)}
    assert found["01001"] == [330, 24550, None] and found["01004"] == [6500, 21560, 0.142]
    assert (found["01002"], found["01005"]) == ([110, 24100, None], [760, 25091, 0.075]), "point or comma, rounded to euros"
    assert (found["01006"], found["01008"], found["01007"][2]) == ([None, None, None], [310, None, None], 0.0)


def test_incomes_by_iris_in_both_layouts() -> None:
    found = {code: values for code, *values in read(IRIS, insee.IRIS_INCOMES)}
    assert len(found) == 9 and found["010040101"] == [None, 20550, 0.14] and found["751010101"] == [None, None, None]
    assert read(NOW, insee.IRIS_INCOMES) == [("010040101", 800, 20550, 0.14)]


@pytest.mark.parametrize("text", [SQUARES, SQUARES.replace(",", ";"), SQUARES.replace("idcar_200m", "IdINSPIRE").replace("ind_snv", "Ind_snv")])
def test_squares_with_either_mark_between_and_any_capitals(text: str) -> None:
    found = read(text, insee.SQUARES)
    assert len(found) == 9 and found[3] == (SQUARE.format(3), 23.5, 12.0, 3.0, 23000.5)


@pytest.mark.parametrize(
    ("source", "text", "says"),
    [
        (insee.LEGAL_POPULATIONS, CODES.replace("PMUN2023", "PTOT"), "line 1, column PMUN: it is not there"),
        (insee.LEGAL_POPULATIONS, CODES.replace("PTOT2023", "PMUN"), "line 1, column PMUN: it is there 2 times"),
        (insee.LEGAL_POPULATIONS, CODES.replace(";01002;", ";1002;"), "line 3, column COM: it must be a commune's code"),
        (insee.LEGAL_POPULATIONS, CODES.replace("14854", ""), "line 4, column PMUN2023: it must be a whole number"),
        (insee.LEGAL_POPULATIONS, NAMES.replace(";971;", ";GP;"), "line 7, column CODDEP: it must be a department's code"),
        (insee.LEGAL_POPULATIONS, NAMES.replace(";Afa", ""), "line 5: it has 9 columns and the header has 10"),
        (insee.COMMUNE_INCOMES, COMMUNES.replace("MED21", "Q221"), "line 1, column MED21: it is not there"),
        (insee.COMMUNE_INCOMES, COMMUNES.replace("01002;", "01001;"), "line 3, column CODGEO: its code stood in an earlier line"),
        (insee.COMMUNE_INCOMES, COMMUNES.replace(";14.2;", ";142;"), "line 4, column TP6021: it must be a percentage from 0 to 100"),
        (insee.COMMUNE_INCOMES, COMMUNES.replace(";24550;", ";secret;"), "line 2, column MED21: it must be a number, s or nd"),
        (insee.COMMUNE_INCOMES, COMMUNES.replace(";24550;", ";-5;"), "line 2, column MED21: it must be a number, s or nd"),
        (insee.COMMUNE_INCOMES, COMMUNES.splitlines()[0], "line 2: there is no line below the header"),
        (insee.COMMUNE_INCOMES, "", "line 1, column CODGEO: it is not there"),
        (insee.IRIS_INCOMES, COMMUNES, "line 2, column CODGEO: it must be an IRIS code of nine characters"),
        (insee.COMMUNE_INCOMES, NOW, "line 2, column CODGEO: it must be a commune's code of five characters"),
        (insee.SQUARES, SQUARES.replace("idcar_200m", "idcar_x"), "line 1, column idcar_200m: it is not there"),
        (insee.SQUARES, SQUARES.replace("200mN", "1000mN"), "line 2, column idcar_200m: it must be the id of a square of 200 m"),
        (insee.SQUARES, SQUARES.replace("20000.5", "s"), "line 2, column ind_snv: it must be a number of nought or more"),
    ],
)
def test_what_does_not_fit_is_refused_by_place_with_the_remedy(source: insee.Source, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(text, source)
    told = str(refused.value)
    assert told.startswith("file.csv, line ") and says in told and f"paths.{source.setting}" in told and told.count(". ") == 0, told
