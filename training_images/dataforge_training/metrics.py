"""How close an answer is to its reference: exact match, F1 over words, ROUGE. All values are 0 to 1."""

from __future__ import annotations

import math
import string
from collections import Counter
from collections.abc import Sequence

ARTICLES = {"a", "an", "the"}
NAMES = ("exact_match", "f1", "rouge1", "rouge2", "rougeL")


def normal(text: str) -> list[str]:
    """Words in lower case without punctuation and articles (the normal form of SQuAD)."""
    plain = "".join(" " if c in string.punctuation else c for c in text.lower())
    return [word for word in plain.split() if word not in ARTICLES]


def words(text: str) -> list[str]:
    """Runs of letters and digits in lower case, as ROUGE counts them."""
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def exact(answer: str, references: Sequence[str]) -> bool:
    return any(normal(answer) == normal(reference) for reference in references)


def f_score(common: int, answered: int, expected: int) -> float:
    """Harmonic mean of precision and recall."""
    return 2 * common / (answered + expected) if common else 0.0


def f1(answer: str, references: Sequence[str]) -> float:
    """Best F1 of the words over the references; two empty texts are equal."""

    def one(reference: str) -> float:
        got, wanted = normal(answer), normal(reference)
        if not got or not wanted:
            return float(got == wanted)
        return f_score(sum((Counter(got) & Counter(wanted)).values()), len(got), len(wanted))

    return max((one(reference) for reference in references), default=0.0)


def rouge_n(answer: str, reference: str, n: int) -> float:
    """F1 of the runs of `n` words (Lin 2004)."""
    got, wanted = (Counter(zip(*(w[i:] for i in range(n)), strict=False)) for w in (words(answer), words(reference)))
    return f_score(sum((got & wanted).values()), got.total(), wanted.total())


def rouge_l(answer: str, reference: str) -> float:
    """F1 of the longest common subsequence of words."""
    got, wanted = words(answer), words(reference)
    return f_score(common_subsequence(got, wanted), len(got), len(wanted))


def common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, in len(a) * len(b) steps and one row of memory."""
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for column, other in enumerate(b, start=1):
            above = row[column]
            row[column] = diagonal + 1 if word == other else max(above, row[column - 1])
            diagonal = above
    return row[-1]


def of_line(answer: str, references: Sequence[str]) -> dict[str, float]:
    """What one answer scores, beside whether it is exact: F1 and ROUGE-L, four decimals."""
    longest = max(rouge_l(answer, one) for one in references)
    return {"f1": round(f1(answer, references), 4), "rougeL": round(longest, 4)}


def scores(answers: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Means over all answers; every answer has one or more references, ROUGE takes the best one."""
    count = len(answers)
    pairs = list(zip(answers, references, strict=True))
    return {
        "exact_match": sum(exact(a, r) for a, r in pairs) / count,
        "f1": sum(f1(a, r) for a, r in pairs) / count,
        "rouge1": sum(max(rouge_n(a, one, 1) for one in r) for a, r in pairs) / count,
        "rouge2": sum(max(rouge_n(a, one, 2) for one in r) for a, r in pairs) / count,
        "rougeL": sum(max(rouge_l(a, one) for one in r) for a, r in pairs) / count,
    }


def perplexity(loss: float | None) -> float | None:
    """exp of the mean loss per token (nats); None where it would overflow."""
    return math.exp(loss) if loss is not None and loss < 700 else None
