"""What an address provider is asked, and its answers in place of what the expressions read.

What records are found by (`address_key`, postcode and the other parts) stays as read, and is filled only where it could not be: suppressions
and requests are read without asking anybody, and an opposition must find its record whatever a service makes of the address."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns import postal
from appetence.columns.grades import Grade
from appetence.columns.text import fold
from appetence.contracts.bronze import RawRecord
from appetence.contracts.silver import Record

KEY, STATE, ANSWER = "_asked_key", "_state", "_answer"
ANSWERED, UNKNOWN, DOWN = "answered", "unknown", "down"
ANSWER_TYPE = (
    "struct<lines:array<string>,way_number:string,way_repetition:string,way_name:string,address_extra:string,postcode:string,city:string,"
    "commune_code:string,grade:string,is_deliverable:boolean>"
)
_FIELDS = (RawRecord.address_1, RawRecord.address_2, RawRecord.address_3, RawRecord.postcode, RawRecord.city)


def with_question(lines: DataFrame) -> DataFrame:
    """Adds the opaque key of what is asked, null where nothing is: one key for all who live at an address written the same way.

    Input: lines after `with_address`. Only French addresses are asked for."""
    said = F.concat_ws("\n", *(F.coalesce(F.col(c), F.lit("")) for c in _FIELDS))
    is_asked = (F.col(Record.country) == "FR") & (F.col(Record.address_grade) != Grade.ABSENT.value)
    return lines.withColumn(KEY, F.when(is_asked, F.substring(F.sha2(said, 256), 1, 32)))


def questions(lines: DataFrame) -> DataFrame:
    """One row per address to ask for: key and the address as delivered, postcode and commune tidied. Input: lines after `with_question`."""
    asked = lines.where(F.col(KEY).isNotNull()).select(F.col(KEY).alias("key"), *(F.col(c) for c in _FIELDS))
    return asked.dropDuplicates(["key"])


def with_answers(lines: DataFrame, answers: DataFrame) -> DataFrame:
    """Lines, commune, grade and verdict of silver.record as answered; as read, and graded one lower, where an address was asked for in vain.

    Inputs: lines after `with_question`; answers (key, `_state`, `_answer`). Whether a letter would arrive stays as read where nobody answered."""
    joined = lines.join(answers.withColumnRenamed("key", KEY), on=KEY, how="left")
    answer, is_answered = F.col(ANSWER), F.col(STATE) == ANSWERED
    has_name = F.concat_ws(" ", F.col(Record.civility), F.col(Record.first_name), F.col(Record.last_name)) != ""
    is_named, none = has_name & F.col(Record.address_lines).isNotNull(), F.array().cast("array<string>")
    name_line = F.when(is_named, F.slice(Record.address_lines, 1, 1)).otherwise(none)
    answered: dict[str, Column] = {
        str(Record.address_lines): F.concat(name_line, F.transform(answer["lines"], fold)),
        str(Record.commune_code): F.coalesce(answer["commune_code"], F.col(Record.commune_code)),
        str(Record.is_deliverable): answer["is_deliverable"] & F.col(Record.last_name).isNotNull(),
    }
    parts = (Record.way_number, Record.way_repetition, Record.way_name, Record.address_extra, Record.postcode, Record.city)
    answered |= {str(c): F.coalesce(F.col(c), fold(answer[str(c)])) for c in parts}
    answered[str(Record.department)] = F.coalesce(F.col(Record.department), postal.department(answer["postcode"]))
    answered[str(Record.address_verdict)] = F.lit("service")
    columns = {name: F.when(is_answered, value).otherwise(F.col(name)) for name, value in answered.items()}
    lowered = F.when(F.col(STATE).isNotNull(), _lower(F.col(Record.address_grade))).otherwise(F.col(Record.address_grade))
    columns[str(Record.address_grade)] = F.when(is_answered, answer["grade"]).otherwise(lowered)
    return joined.withColumns(columns).drop(KEY, STATE, ANSWER)


def _lower(grade: Column) -> Column:
    good, repaired = Grade.GOOD.value, Grade.REPAIRED.value
    return F.when(grade == good, repaired).when(grade == repaired, Grade.DOUBTFUL.value).otherwise(grade)
