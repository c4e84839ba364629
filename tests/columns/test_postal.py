from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.columns import postal, postal_block, postal_lines
from appetence.columns.text import fold

pytestmark = pytest.mark.spark

# What the member wrote in its four address fields (| between them) -> lines 2 to 5.
ADDRESSES = [
    ("12 rue de la Paix", "12 RUE DE LA PAIX"),
    ("12, rue de la Paix.", "12 RUE DE LA PAIX"),
    ("12 r de la Paix", "12 RUE DE LA PAIX"),
    ("12bis rue Victor Hugo", "12 BIS RUE VICTOR HUGO"),
    ("12 Bis, R. Victor Hugo", "12 BIS RUE VICTOR HUGO"),
    ("12 B rue Victor Hugo", "12 B RUE VICTOR HUGO"),
    ("12b rue Victor Hugo", "12 B RUE VICTOR HUGO"),
    ("N° 7 chemin des Vignes", "7 CHEMIN DES VIGNES"),
    ("7 ch. des Vignes", "7 CHEMIN DES VIGNES"),
    ("7 che des Vignes", "7 CHEMIN DES VIGNES"),
    ("14 av. du Gal Leclerc", "14 AVENUE DU GENERAL LECLERC"),
    ("14 AVE DU MAL FOCH", "14 AVENUE DU MARECHAL FOCH"),
    ("3 bd St Michel", "3 BOULEVARD SAINT MICHEL"),
    ("3 BLD Ste Anne", "3 BOULEVARD SAINTE ANNE"),
    ("5 pl. du Dr Roux", "5 PLACE DU DOCTEUR ROUX"),
    ("9 imp des Lilas", "9 IMPASSE DES LILAS"),
    ("9 ALL DES CHENES", "9 ALLEE DES CHENES"),
    ("22 rte de Paris", "22 ROUTE DE PARIS"),
    ("1 sq. du Gd Cèdre", "1 SQUARE DU GRAND CEDRE"),
    ("48 Grande Rue", "48 GRANDE RUE"),
    ("48 GR", "48 GR"),
    ("12/14 rue du 8 mai 1945", "12 14 RUE DU 8 MAI 1945"),
    ("rue du 4 septembre", "RUE DU 4 SEPTEMBRE"),
    ("place de l'Hôtel de Ville", "PLACE DE L HOTEL DE VILLE"),
    ("Lieu-dit Le Moulin", "LIEU DIT LE MOULIN"),
    ("LD Le Moulin", "LIEU DIT LE MOULIN"),
    ("Le Bourg", "LE BOURG"),
    ("Kerguelen", "KERGUELEN"),
    ("12 avenue de la Résidence", "12 AVENUE DE LA RESIDENCE"),
    ("3 résidence des Pins", "3 RESIDENCE DES PINS"),
    ("rue de la Tour", "RUE DE LA TOUR"),
    ("8 rue du Bâtiment", "8 RUE DU BATIMENT"),
    ("14 rue de la Paix appt 4", "APPARTEMENT 4|14 RUE DE LA PAIX"),
    ("Appt 4, 14 rue de la Paix", "APPARTEMENT 4|14 RUE DE LA PAIX"),
    ("14 rue de la Paix - Bât. B - Esc. 2 - Appt 4", "ESCALIER 2 APPARTEMENT 4|BATIMENT B|14 RUE DE LA PAIX"),
    ("Appt 12 Bât B Résidence les Lilas 14 rue de la Paix", "APPARTEMENT 12|BATIMENT B RESIDENCE LES LILAS|14 RUE DE LA PAIX"),
    ("Résidence les Lilas|Bât. B|14 av Foch|BP 123", "RESIDENCE LES LILAS BATIMENT B|14 AVENUE FOCH|BP 123"),
    ("14 av Foch|Résidence les Lilas", "RESIDENCE LES LILAS|14 AVENUE FOCH"),
    ("14 av Foch|Appt 3", "APPARTEMENT 3|14 AVENUE FOCH"),
    ("14 av Foch|3ème étage", "3EME ETAGE|14 AVENUE FOCH"),
    ("RDC gauche 5 place d’Armes", "RDC GAUCHE|5 PLACE D ARMES"),
    ("chez M. Martin|12 rue Foch", "CHEZ M MARTIN|12 RUE FOCH"),
    ("c/o Martin|12 rue Foch", "C O MARTIN|12 RUE FOCH"),
    ("12 rue Foch|BP 40", "12 RUE FOCH|BP 40"),
    ("BP 40|12 rue Foch", "12 RUE FOCH|BP 40"),
    ("12 rue Foch CS 40001", "12 RUE FOCH|CS 40001"),
    ("12 rue Foch|ZI Nord", "12 RUE FOCH|ZI NORD"),
    ("Le Bourg|4 route de Brest", "LE BOURG|4 ROUTE DE BREST"),
    ("4 route de Brest|Le Bourg", "4 ROUTE DE BREST|LE BOURG"),
    ("7 chemin des Vignes|Lotissement Les Pins|lot 12", "LOTISSEMENT LES PINS LOT 12|7 CHEMIN DES VIGNES"),
    ("Résidence du Parc rue des Lilas", "RESIDENCE DU PARC|RUE DES LILAS"),
    ("12 rue Foch|NULL|-", "12 RUE FOCH"),
    ("XXX|12 rue Foch", "12 RUE FOCH"),
    ("12 rue Foch|35000 RENNES", "12 RUE FOCH"),
    ("12 rue Foch|France", "12 RUE FOCH"),
    ("néant", ""),
    ("", ""),
    ("125 bis boulevard du Maréchal Jean de Lattre de Tassigny", "125 BIS BD MAL J DE LATTRE DE TASSIGNY"),
    ("25 boulevard de la Libération de Bretagne", "25 BD DE LA LIBERATION DE BRETAGNE"),
    ("110 avenue du Président Franklin Roosevelt", "110 AV DU PRESIDENT FRANKLIN ROOSEVELT"),
    ("110 avenue du Général Charles de Gaulle Nord", "110 AV DU GAL CHARLES DE GAULLE NORD"),
    ("1 rue Saint Jean Baptiste de la Salle Haute", "1 RUE ST JEAN BAPTISTE DE LA SALLE HTE"),
]


FIELDS = ("civility", "first", "last", "address_1", "address_2", "address_3", "address_4", "code", "town", "country")


def blocks(frame: DataFrame) -> DataFrame:
    """`block`: the standard lines of rows that hold `FIELDS`; the person's names are cleaned first, as records are."""
    where = {"postcode": F.col("code"), "city": F.col("town"), "country": F.col("country")}
    who = {name: fold(F.col(name)) for name in ("civility", "first", "last")}
    address = [F.col(f"address_{i}") for i in range(1, 5)]
    return postal_block.with_block(frame, **who, address=address, **where).withColumnRenamed(postal_block.BLOCK, "block")


def of_petit(frame: DataFrame) -> DataFrame:
    """Rows with four address fields, with a person, a city and a country around them."""
    fixed = {"civility": "M", "first": "Luc", "last": "Petit", "code": "35000", "town": "Rennes"}
    return frame.withColumns({name: F.lit(value) for name, value in fixed.items()} | {"country": F.lit(None).cast("string")})


def frame_of(spark: SparkSession, rows: Sequence[tuple[str | None, ...]], fields: Sequence[str]) -> DataFrame:
    return spark.createDataFrame([(i, *row) for i, row in enumerate(rows)], "i int, " + ", ".join(f"{f} string" for f in fields)).coalesce(1)


def found(frame: DataFrame) -> list[list[str]]:
    return [row["block"] for row in blocks(frame).orderBy("i").collect()]


def test_address_lines(spark: SparkSession) -> None:
    fields = [tuple((given.split("|") + [None] * 4)[:4]) for given, _ in ADDRESSES]
    lines = found(of_petit(frame_of(spark, fields, FIELDS[3:7])))
    wrong = [
        f"{given!r} gives {'|'.join(got[1:-1])!r}, not {want!r}"
        for (given, want), got in zip(ADDRESSES, lines, strict=True)
        if "|".join(got[1:-1]) != want
    ]
    assert not wrong, "\n".join(wrong)


def test_person_last_line_and_foreign_addresses(spark: SparkSession) -> None:
    none = (None,) * 4
    cases = {
        ("M", "Jean", "Dupont", *none, "75002", "Paris", None): "M JEAN DUPONT|75002 PARIS",
        ("MME", "Zoé", "Le Gall", *none, "35042", "Rennes cedex 7", "FR"): "MME ZOE LE GALL|35042 RENNES CEDEX 7",
        ("MME", "Anne-Charlotte", "de la Rochefoucauld-Montmorency", *none, "1000", "Bourg", ""):
            "MME A DE LA ROCHEFOUCAULD MONTMORENCY|01000 BOURG",
        ("M", "Jan", "Peeters", *none, "1000", "Bruxelles", "BE"): "M JAN PEETERS|1000 BRUXELLES|BELGIQUE",
        ("M", "Luc", "Petit", *none, "29410", "St-Thegonnec", "France"): "M LUC PETIT|29410 SAINT THEGONNEC",
        (None, None, "Petit", *none, "29410", "Plouneour", "FR"): "PETIT|29410 PLOUNEOUR",
        (None, None, None, *none, None, None, None): "",
        ("M", "Jan", "P", "Appt 4", "Bat B", "12 rue Haute", "BP 5", "1000", "Bruxelles", "BE"):
            "M JAN P|APPARTEMENT 4 BATIMENT B|12 RUE HAUTE|BP 5|1000 BRUXELLES|BELGIQUE",
    }  # fmt: skip
    assert ["|".join(lines) for lines in found(frame_of(spark, list(cases), FIELDS))] == list(cases.values())


def test_parts(check) -> None:
    def fields(c: Column) -> Column:
        return F.concat_ws("|", *[F.coalesce(postal.parse_way(c)[n], F.lit("")) for n in ("number", "repetition", "way_type", "way_name")])

    check(
        {
            "way": (
                fields,
                [
                    ("12 RUE DE LA PAIX", "12||RUE|DE LA PAIX"),
                    ("12 BIS AV FOCH", "12|BIS|AVENUE|FOCH"),
                    ("12 B RUE FOCH", "12|B|RUE|FOCH"),
                    ("12BIS RUE FOCH", "12|BIS|RUE|FOCH"),
                    ("12 R DE LA PAIX", "12||RUE|DE LA PAIX"),
                    ("12 14 BD FOCH", "12||BOULEVARD|FOCH"),
                    ("RUE FOCH", "||RUE|FOCH"),
                    ("LE BOURG", "|||LE BOURG"),
                    ("12 LE BOURG", "12|||LE BOURG"),
                    ("48 GRANDE RUE", "48||GRANDE RUE|"),
                    ("3 RPT DES SPORTS", "3||ROND POINT|DES SPORTS"),
                    ("3 ALLEE DES PINS", "3||ALLEE|DES PINS"),
                    (None, "|||"),
                ],
            ),
            "postcode": (
                postal.postcode,
                [
                    ("75015", "75015"),
                    ("1234", "01234"),
                    ("75 015", "75015"),
                    ("F-75015", "75015"),
                    ("75015.0", "75015"),
                    (" 75015 ", "75015"),
                    ("75015 PARIS CEDEX 15", "75015"),
                    ("1000.0", "01000"),
                    ("00000", None),
                    ("99999", None),
                    ("96000", None),
                    ("97400", "97400"),
                    ("98000", "98000"),
                    ("97900", None),
                    ("7501", "07501"),
                    ("750150", None),
                    ("abc", None),
                    ("", None),
                    (None, None),
                    ("20200", "20200"),
                ],
            ),
            "department": (
                postal.department,
                [
                    ("75015", "75"),
                    ("01000", "01"),
                    ("20000", "2A"),
                    ("20167", "2A"),
                    ("20200", "2B"),
                    ("20600", "2B"),
                    ("97400", "974"),
                    ("97133", "977"),
                    ("97150", "978"),
                    ("98800", "988"),
                    (None, None),
                ],
            ),
            "city": (
                postal.city,
                [
                    ("Paris", "PARIS"),
                    ("PARIS 15", "PARIS"),
                    ("Paris 15e", "PARIS"),
                    ("PARIS 01ER ARRONDISSEMENT", "PARIS"),
                    ("Paris XV", "PARIS"),
                    ("Lyon 3ème", "LYON"),
                    ("MARSEILLE 08", "MARSEILLE"),
                    ("St-Étienne", "SAINT ETIENNE"),
                    ("STE FOY LES LYON", "SAINTE FOY LES LYON"),
                    ("Bourg-St-Maurice", "BOURG SAINT MAURICE"),
                    ("Chalon s/ Saône", "CHALON SUR SAONE"),
                    ("RENNES CEDEX 7", "RENNES"),
                    ("Cergy Cedex", "CERGY"),
                    ("75015 Paris", "PARIS"),
                    ("L'Haÿ-les-Roses", "L HAY LES ROSES"),
                    ("Parisot", "PARISOT"),
                    ("Saintes", "SAINTES"),
                    ("Œting", "OETING"),
                    ("", None),
                    (None, None),
                    ("Lyon", "LYON"),
                    ("Ville 2", "VILLE 2"),
                ],
            ),
            "cedex": (
                postal.cedex,
                [("Paris Cedex 08", "CEDEX 08"), ("CERGY CEDEX", "CEDEX"), ("Paris", None), (None, None), ("Cedexville", None)],
            ),
            "box": (
                postal.box,
                [
                    ("BP 123", "BP 123"),
                    ("B.P. 12", "BP 12"),
                    ("Boîte postale n° 12", "BP 12"),
                    ("CS 40001", "CS 40001"),
                    ("CS 40 001", "CS 40001"),
                    ("TSA 12345", "TSA 12345"),
                    ("ZI Nord BP12", "BP 12"),
                    ("12 rue Foch", None),
                    ("rue BP", None),
                    (None, None),
                ],
            ),
            "flat": (
                postal.flat,
                [("Appt 12", "12"), ("APPARTEMENT 12B", "12B"), ("porte 4", "4"), ("porte de Versailles", None), (None, None)],
            ),
            "building": (postal.building, [("Bât. C", "C"), ("BATIMENT 12", "12"), ("12 rue Foch", None)]),
            "staircase": (postal.staircase, [("esc. B", "B"), ("Escalier 12", "12"), ("12 rue Foch", None)]),
            "storey": (postal.storey, [("3ème étage", "3"), ("3 etg", "3"), ("étage 2", "2"), ("RDC", "0"), ("12 rue Foch", None)]),
        }
    )


def test_address_key_joins_the_writings_of_one_address(check) -> None:
    same = ["12 bis av. du Gal de Gaulle", "12BIS AVENUE DU GENERAL DE GAULLE", "12 b, Avenue Général de Gaulle", "12 B AV GAL DE GAULLE"]
    others = ["12 AVENUE DU GENERAL DE GAULLE", "12 B RUE DU GENERAL DE GAULLE", "12 B AVENUE DU GENERAL LECLERC"]
    key = "12 B AVENUE GENERAL GAULLE"
    check(
        {
            "same": (postal.address_key, [(v, key) for v in same]),
            "other": (lambda c: postal.address_key(c) == key, [(v, False) for v in others]),
            "saint": (
                postal.address_key,
                [("3 r. St Jean", "3 RUE SAINT JEAN"), ("3 rue Saint-Jean", "3 RUE SAINT JEAN"), ("", None), (None, None)],
            ),
        }
    )


_WRITTEN = (
    "rue avenue av bd boulevard R chemin ch. impasse place pl route de du la des le les l' d' 12 3 14 125 8 bis B A ter Saint St "
    "Ste Général Gal Maréchal Docteur Dr Jean Pierre Marie Victor Charles Louis Hugo Foch Leclerc Lattre Tassigny République "
    "Libération Bretagne Appt Bât Résidence Rés. Immeuble Escalier esc. étage Porte Tour Lot Lotissement BP CS ZI ZA Lieu-dit LD "
    "chez c/o Kergrist Moulin Grande Rue Montmorency-la-Grande Châteauneuf-du-Faou Extraordinairement Internationalement N° , - . "
    "35000 Rennes NULL XXX cedex 4ème RDC Grand Haute"
)
WORDS = _WRITTEN.split()


def written(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.choice((1, 3, 4, 5, 6, 8, 12))))


def random_addresses(spark: SparkSession, seed: int, count: int) -> DataFrame:
    rng = random.Random(seed)
    rows = [tuple(([written(rng) for _ in range(rng.choice((1, 1, 2, 3, 4)))] + [None] * 4)[:4]) for _ in range(count)]
    return of_petit(frame_of(spark, rows, FIELDS[3:7]))


def test_inv_32_standardising_twice_equals_once(spark: SparkSession) -> None:
    """400 seeded addresses of words that matter: six lines, 38 characters, the same again; and nothing abbreviated without need."""
    seed = 32
    given = random_addresses(spark, seed, 400)
    once = {row["i"]: row["block"] for row in blocks(given).collect()}
    again = [tuple((once[i][1:-1] + [None] * 4)[:4]) for i in range(400)]
    for number, lines in enumerate(found(of_petit(frame_of(spark, again, FIELDS[3:7])))):
        assert lines == once[number], f"seed {seed}, address {number}"
        assert len(lines) <= 6
        assert all(0 < len(line) <= 38 for line in lines)


def test_a_line_that_fits_is_not_abbreviated(spark: SparkSession) -> None:
    """Writing out a finished line must never give one that would have fitted."""
    lines = blocks(random_addresses(spark, 33, 200)).select(F.explode(F.slice("block", 2, 4)).alias("line"))
    full = lines.withColumn("full", postal_lines.written_out(F.col("line")))
    assert full.where("full != line").count() > 0
    assert full.where("full != line AND length(full) <= 38").count() == 0
