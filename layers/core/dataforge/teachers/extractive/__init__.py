"""The offline teacher. How a passage becomes pairs:

    scene       the passage taken apart: sentences, lists, tables, headings
    statements  the sentences that can stand for themselves, their clauses read (clauses, verbs, english)
    makers      definitions, quantities, circumstances, roles, lists, tables, sections: each offers candidates
    wording     capitals, anchors ("Regarding lost property, ..."), the last look at a question
    ranking     sound candidates, in a fixed order, no two alike
    conversations, tasks, summaries, topics     the other kinds: composed of the pairs, or of the scene itself
    teacher     slots in, records out

A candidate that cannot be made a grammatical question which stands alone is dropped: better few than foolish.
"""

from dataforge.teachers.extractive.teacher import ExtractiveTeacher, capacity, pairs

__all__ = ["ExtractiveTeacher", "capacity", "pairs"]
