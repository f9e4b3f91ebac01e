"""Tables: a cell by its row and column, a whole row, the extremes of a column, two rows compared, rows of one kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from zlib import crc32

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.scene import Scene, Table
from dataforge.teachers.extractive.verbs import base_of
from dataforge.teachers.extractive.wording import anchored, lower_first, topic, upper_first
from dataforge.text.claims import number_value

MOST_ROWS, MOST_CELL = 40, 160
_HIGH_WORDS = """
    price fee cost fare rate score salary level speed percentage temperature step revenue wage income pay budget
    value total amount discount charge tax risk pressure priority
"""
_HIGH = frozenset(_HIGH_WORDS.split())
_GIVEN_WORDS = """
    price fee charge fare rate cost deadline compensation refund allowance limit discount budget salary step
    delivery reason rule penalty fine
"""
_GIVEN = frozenset(_GIVEN_WORDS.split())
_SKIPPED_WORDS = """
    unit units notes note remarks remark comment comments image link url id no. # photo picture logo signature
"""
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_NO_VALUE = frozenset(["", "-", "–", "—", "n/a", "na", "none", "tbd", "?", "*", "x", "✓", "✗", "yes", "no"])
_PEOPLE_WORDS = """
    manager owner contact head author director supervisor lead responsible coach teacher inventor founder
"""
_PEOPLE = frozenset(_PEOPLE_WORDS.split())
_NUMERIC = re.compile(r"^[€$£]?\s?-?\d[\d,. ]*(?:\s?(?:%|[a-zA-Z€]{1,12}))?$")


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    """As inside a sentence: "unit price"."""
    unit: str
    plural: bool
    counted: bool
    """Whole numbers of things: "How many passengers"."""
    numbers: tuple[float | None, ...]


def tables(table: Table, scene: Scene) -> Iterator[Candidate]:
    if not _is_fit(table):
        return
    columns = [_column(table, i, scene) for i in range(len(table.header))]
    for n in range(len(table.rows)):
        entity = _entity(table, n, scene)
        if entity is None:
            continue
        for i in range(1, len(columns)):
            if (column := columns[i]) is not None:
                yield from _cell(table, scene, n, entity, column, table.rows[n][i])
        yield from _row(table, scene, n, entity)
    if table.whole and 3 <= len(table.rows) <= MOST_ROWS:
        yield from _whole(table, scene, columns)


def _is_fit(table: Table) -> bool:
    """A header of distinct words, and a first column that names the rows."""
    names = [h.casefold() for h in table.header]
    first = [row[0] for row in table.rows]
    return (
        2 <= len(names) <= 12
        and len(set(names)) == len(names)
        and all(h and len(h) <= 40 for h in table.header[1:])
        and len(first) > 0
        and sum(bool(f) for f in first) == len(first) == len(set(first))
        and all(any(c.isalpha() for c in h) for h in table.header[1:])
        and all(h.isascii() for h in table.header)
    )


def _column(table: Table, at: int, scene: Scene) -> Column | None:
    header = table.header[at].lower() if table.header[at].isupper() and len(table.header[at]) > 4 else table.header[at]
    found = re.match(r"^(.*?)\s*[(\[]([^)\]]{1,16})[)\]]$", header)
    name, unit = (found.group(1), found.group(2)) if found else (header, "")
    words = name.split()
    first = words[0].casefold() if words else ""
    if (
        not words
        or name.casefold() in _SKIPPED
        or first in english.PREPOSITIONS
        or "?" in name
        or (len(words) > 1 and base_of(first, "third"))
    ):
        return None
    cells = [row[at] for row in table.rows]
    values = tuple(_number(c) for c in cells)
    lowered = " ".join(w if not w[1:].islower() and len(w) > 1 else w.lower() for w in words)
    head = re.split(r" (?:of|in|per|a|an|at|for|with)\b", lowered)[0].split()[-1]
    plural = english.is_plural(head)
    counted = plural and not unit and sum(v is not None and v == int(v) for v in values) >= max(1, 0.7 * len(values))
    numeric = sum(v is not None for v in values) * 2 > len(values)
    over = topic(table.headings, scene) or ""
    if numeric and not unit and not counted and over and " " not in over and english.is_plural(over) and len(words) < 4:
        first, comma, second = lowered.partition(", ")
        lowered, plural = f"{first} {english.singular(over)}" + (f" ({second})" if comma else ""), False
    elif re.fullmatch(english.TIME_UNIT, unit) and head not in ("time", "duration", "period", "length", "age", "leave"):
        lowered = f"{lowered} time"
    elif ", " in lowered:
        lowered = "{} ({})".format(*lowered.split(", ", 1))
    unit = unit[:-1] if unit in ("millions", "billions", "thousands") else unit
    return Column(lowered, unit, plural, counted, values)


def _number(cell: str) -> float | None:
    if not _NUMERIC.match(cell):
        return None
    digits = re.search(r"-?\d[\d,.]*", cell)
    try:
        return float(number_value(digits.group().rstrip(".,"))) if digits else None
    except ValueError:
        return None


def _entity(table: Table, n: int, scene: Scene) -> str | None:
    """How the row is named in a sentence: "Aurelia", "route R1", "part number FF-A101 (Fuel filter cartridge)"."""
    cell, kind = table.rows[n][0], table.header[0]
    if len(cell) > 60 or not any(c.isalnum() for c in cell):
        return None
    if any(c.isdigit() for c in cell) and len(cell) <= 16:
        if not kind or (_number(cell) is not None and len(table.header) < 3):
            return None
        second = table.rows[n][1]
        described = " " not in cell and len(cell) > 4 and second[:1].isalpha() and len(second) <= 40
        return f"{kind.lower() if not kind.isupper() else kind} {cell}" + (f" ({second})" if described else "")
    words = cell.split()
    if (len(words) > 2 and not all(w[:1].isupper() for w in words)) or base_of(words[0], "participle"):
        return f"“{cell}”"
    running = len(words) > 1 or cell.casefold() in scene.lower_words or english.is_plural(cell)
    return lower_first(cell, scene) if running else cell


def _cell(table: Table, scene: Scene, n: int, entity: str, column: Column, cell: str) -> Iterator[Candidate]:
    if cell.casefold() in _NO_VALUE or len(cell) > MOST_CELL:
        return
    asked = _ask(column, entity, cell, scene)
    if asked is None:
        return
    question, answer = asked
    yield _placed(
        Candidate(question=question, answer=answer, kind="table", difficulty="easy", evidence=(), worth=0.7),
        table,
        (n,),
        scene,
    )


def _ask(column: Column, entity: str, cell: str, scene: Scene) -> tuple[str, str] | None:
    name, subject = column.name, upper_first(entity)
    words = name.split()
    if base_of(words[0], "participle") and len(words) == 1:
        if re.fullmatch(r"(?:1[5-9]|20)\d\d|\d{1,2} [A-Z][a-z]+ \d{4}", cell):
            return f"When was {entity} {name}?", f"{subject} was {name} in {cell}."
        return None
    if base_of(words[0], "participle") and words[-1] in english.PREPOSITIONS:
        return f"What is {entity} {name}?", f"{subject} is {name} {lower_first(cell, scene)}."
    if words == ["description"] or words == ["definition"] or words == ["meaning"]:
        if cell.casefold().startswith("no ") or "“" in entity:
            return None
        article = ("an " if entity[0] in "aeiou" else "a ") if entity[:1].islower() and not _is_many(entity) else ""
        return f"What {'are' if _is_many(entity) else 'is'} {article}{entity}?", f"{subject}: {cell}"
    if column.counted and _number(cell) is not None:
        time = re.fullmatch(english.TIME_UNIT, name)
        if time:
            return f"How many {name} are given for {entity}?", f"For {entity}, {cell} {name} are given."
        do, have = ("do", "have") if _is_many(entity) else ("does", "has")
        return f"How many {name} {do} {entity} have?", f"{subject} {have} {cell} {name}."
    if words[-1] in _PEOPLE and re.match(r"[A-Z][\w.'-]+ [A-Z]", cell):
        return f"Who is the {name} of {entity}?", f"The {name} of {entity} is {cell}."
    return _attribute(column, entity, cell, scene)


def _is_many(entity: str) -> bool:
    return entity[:1].islower() and english.is_plural(entity.split()[-1]) and "“" not in entity


def _attribute(column: Column, entity: str, cell: str, scene: Scene) -> tuple[str, str]:
    name, value = column.name, f"{cell} {column.unit}".strip() if _number(cell) is not None else cell
    link = (
        "for"
        if entity[:1] == "“"
        or (entity[:1].islower() and " " in entity and not entity[-1].isdigit())
        or (set(name.split()) & _GIVEN)
        else "of"
    )
    if re.search(r"\b(?:and|or)\b", name):
        return (
            f"With regard to {name}, what applies to {entity}?",
            f"{upper_first(entity)}: {lower_first(value, scene)}.",
        )
    value = value.rstrip(".")
    verb = "are" if column.plural else "is"
    return f"What {verb} the {name} {link} {entity}?", f"The {name} {link} {entity} {verb} {value}."


def _row(table: Table, scene: Scene, n: int, entity: str) -> Iterator[Candidate]:
    cells = [(h, c) for h, c in zip(table.header[1:], table.rows[n][1:], strict=True) if c and len(c) <= MOST_CELL]
    if len(cells) < 3 or len(cells) < len(table.header) - 2:
        return
    told = "; ".join(f"{_header(h)}: {c}" for h, c in cells)
    figures = sum(_number(c) is not None for _, c in cells) * 2 > len(cells)
    question = f"What are the key figures for {entity}?" if figures else f"What are the details of {entity}?"
    yield _placed(
        Candidate(
            question=question,
            answer=f"For {entity}, the entries are: {told}.",
            kind="table",
            difficulty="medium",
            evidence=(),
            worth=0.72,
        ),
        table,
        (n,),
        scene,
    )


def _header(written: str) -> str:
    """ "Unit price (EUR)" -> "unit price (EUR)"."""
    return " ".join(w.lower() if w[1:].islower() or len(w) == 1 else w for w in written.split())


def _whole(table: Table, scene: Scene, columns: list[Column | None]) -> Iterator[Candidate]:
    kind = table.header[0].lower() if not table.header[0].isupper() else table.header[0]
    if not kind or english.is_plural(kind.split()[-1]):
        return
    for i, column in enumerate(columns):
        if i == 0 or column is None:
            continue
        yield from _extremes(table, scene, kind, column, i)
        yield from _kinds(table, scene, kind, column, i)


def _extremes(table: Table, scene: Scene, kind: str, column: Column, at: int) -> Iterator[Candidate]:
    values = [v for v in column.numbers if v is not None]
    if (
        len(values) != len(table.rows)
        or len(set(values)) < 3
        or re.fullmatch(r"(?:year|date|phone|number|code|built|opened)", column.name)
    ):
        return
    if base_of(column.name.split()[0], "participle"):
        return
    for best, (many, high, great) in (
        (max(values), ("most", "highest", "greatest")),
        (min(values), ("fewest", "lowest", "smallest")),
    ):
        winners = [n for n, v in enumerate(column.numbers) if v == best]
        entity = _entity(table, winners[0], scene)
        if len(winners) != 1 or entity is None:
            continue
        word = many if column.counted else high if set(column.name.split()) & _HIGH else great
        cell = f"{table.rows[winners[0]][at]} {column.unit}".strip()
        tail = f"with {cell}" if column.counted else f"at {cell}"
        yield _placed(
            Candidate(
                question=f"Which {kind} has the {word} {column.name}?",
                answer=f"{upper_first(entity)} has the {word} {column.name}, {tail}.",
                kind="comparison",
                difficulty="hard",
                evidence=(),
                worth=0.85,
            ),
            table,
            (winners[0],),
            scene,
        )
    yield from _compared(table, scene, column, at)


def _compared(table: Table, scene: Scene, column: Column, at: int) -> Iterator[Candidate]:
    """Two neighbouring rows, chosen by the column's name so that columns differ."""
    n = crc32(column.name.encode()) % (len(table.rows) - 1)
    a, b = column.numbers[n], column.numbers[n + 1]
    names = _entity(table, n, scene), _entity(table, n + 1, scene)
    if a is None or b is None or a == b or None in names or column.counted:
        return
    cells = [f"{table.rows[k][at]} {column.unit}".strip() for k in (n, n + 1)]
    word = "higher" if set(column.name.split()) & _HIGH else "greater"
    more = names[0] if a > b else names[1]
    yield _placed(
        Candidate(
            question=f"How does the {column.name} of {names[0]} compare with that of {names[1]}?",
            answer=f"The {column.name} of {names[0]} is {cells[0]} and that of {names[1]} is {cells[1]}, so {more} "
            f"has the {word} {column.name}.",
            kind="comparison",
            difficulty="hard",
            evidence=(),
            worth=0.8,
        ),
        table,
        (n, n + 1),
        scene,
    )


def _kinds(table: Table, scene: Scene, kind: str, column: Column, at: int) -> Iterator[Candidate]:
    """Rows that share a word in a column: a list out of the whole table."""
    if sum(v is not None for v in column.numbers) * 2 > len(column.numbers) or column.plural:
        return
    rows: dict[str, list[int]] = {}
    for n, row in enumerate(table.rows):
        rows.setdefault(row[at], []).append(n)
    for value, members in rows.items():
        if (
            not 2 <= len(members) <= 6
            or len(members) == len(table.rows)
            or value.casefold() in _NO_VALUE
            or len(value) > 30
        ):
            continue
        names = [table.rows[n][0] for n in members]
        listed = f"{', '.join(names[:-1])} and {names[-1]}"
        many = (
            kind + "s"
            if not kind.endswith(("s", "x", "ch", "y"))
            else kind[:-1] + "ies"
            if kind.endswith("y")
            else kind + "es"
        )
        yield _placed(
            Candidate(
                question=f"Which {many} have “{value}” as their {column.name}?",
                answer=f"{listed} have “{value}” as their {column.name}.",
                kind="list",
                difficulty="hard",
                evidence=(),
                worth=0.8,
            ),
            table,
            tuple(members),
            scene,
        )


def _placed(candidate: Candidate, table: Table, rows: tuple[int, ...], scene: Scene) -> Candidate:
    """With its anchor, and the header and rows it was read from as evidence."""
    evidence = (table.raw_header, *(table.raw_rows[n] for n in rows))
    return replace(candidate, question=anchored(candidate.question, table.headings, scene), evidence=evidence)
