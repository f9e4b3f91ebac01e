"""Words that stand for a number without being one: halves and doubles, ordinals, what comes again by day or month."""

from __future__ import annotations

from fractions import Fraction

_SHARE_ROWS = """
    1/2 half halve halves halved hälfte halb halbe halben moitié demi demie mitad medio media metade
    1/2 metà mezzo helft połowa połowę نصف आधा आधे
    1/3 third drittel tiers tercio terço terzo ثلث
    2/3 thirds
    1/4 quarter viertel quart cuarto kwart ćwierć ربع चौथाई
    3/4 quarters
    2 double twice doppelt doppelte zweimal doble dobro doppio dubbel ضعف दोगुना
    3 triple thrice dreimal trimestre triplo
    10 tenfold decade decades
    5 fivefold
    12 dozen
    4 viermal
    1 daily weekly once annual
    14 fortnight
    20 score
"""
SHARES: dict[str, float] = {
    word: float(Fraction(row.split()[0])) for row in _SHARE_ROWS.strip().splitlines() for word in row.split()[1:]
}
"""By the folded word."""
CJK_SHARES = (
    ("一半", 0.5),
    ("半", 0.5),
    ("三分之一", 1 / 3),
    ("四分之一", 0.25),
    ("成", 0.1),
    ("倍", 1.0),
    ("两", 2.0),
)

_ORDINAL_ROWS = """
    1 first erste ersten premier primero primera primeiro الأول الأولى
    2 second zweite zweiten deuxième segundo segunda الثاني الثانية
    3 third dritte dritten troisième tercero tercera terceiro الثالث الثالثة
    4 fourth vierte vierten quatrième cuarto cuarta quarto الرابع الرابعة
    5 fifth fünfte fünften cinquième quinto quinta الخامس الخامسة
    6 sixth sechste sechsten sixième sexto sexta السادس السادسة
    7 seventh siebte siebten septième séptimo séptima sétimo السابع السابعة
    8 eighth achte achten huitième octavo octava oitavo الثامن الثامنة
    9 ninth neunte neunten neuvième noveno novena nono التاسع التاسعة
    10 tenth zehnte zehnten dixième décimo décima العاشر العاشرة
    11 eleventh elfte elften
    12 twelfth zwölfte zwölften
"""
ORDINALS: dict[str, int] = {
    word: int(row.split()[0]) for row in _ORDINAL_ROWS.strip().splitlines() for word in row.split()[1:]
}

_PERIOD_ROWS = """
    month monthly monatlich mensuel mensuels mensuelle mensual mensuales mensal mensile شهريا
    year yearly annual annually jährlich annuel annuelle anual anuales annuale سنويا
    week weekly wöchentlich hebdomadaire semanal settimanale أسبوعيا
    day daily täglich quotidien diario يوميا
"""
PERIODS: dict[str, str] = {
    word: row.split()[0] for row in _PERIOD_ROWS.strip().splitlines() for word in row.split()[1:]
}
"""The name of the unit of time after which it comes again."""
