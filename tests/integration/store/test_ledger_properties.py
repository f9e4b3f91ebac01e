"""Whatever is reserved, settled, repeated and topped up, in any order: the books agree to the micro-dollar."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dataforge import platform
from dataforge.errors import PaymentRequired
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.platform.ports import Platform
from dataforge.store import ledger
from dataforge.store.ledger import Demand
from dataforge_infra import catalog

ORG = "org_books"
AMOUNTS = st.integers(1, 5_000_000)


class Books(RuleBasedStateMachine):
    """Beside the ledger, plain whole numbers: what came in, what runs hold, what was charged."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.tables = SqliteTables(Path(self._folder.name, "data.db"), catalog.TABLES)
        none: object = None
        platform.use(
            Platform(
                name="embedded",
                tables=self.tables,
                files=none,
                workflows=none,
                publisher=none,
                secrets=none,
                trainer=none,
                inference=none,
            )
        )  # type: ignore[arg-type]
        self.paid_in, self.charged, self.runs = 0, 0, 0
        self.held: dict[str, int] = {}
        self.settled: dict[str, int] = {}

    @initialize()
    def open(self) -> None:
        ledger.set_plan(ORG, "payg")

    @rule(amount=AMOUNTS)
    def top_up(self, amount: int) -> None:
        ledger.top_up(ORG, amount)
        self.paid_in += amount

    @rule(amount=AMOUNTS)
    def reserve(self, amount: int) -> None:
        self.runs += 1
        free = self.paid_in - self.charged - sum(self.held.values())
        try:
            ledger.reserve(ORG, f"run_{self.runs}", Demand(amount, 1000))
        except PaymentRequired:
            assert amount > free
        else:
            assert amount <= free
            self.held[f"run_{self.runs}"] = amount

    @precondition(lambda self: self.held)
    @rule(data=st.data(), share=st.integers(0, 120))
    def settle(self, data: st.DataObject, share: int) -> None:
        run = data.draw(st.sampled_from(sorted(self.held)))
        held = self.held.pop(run)
        ledger.settle(ORG, run, amount=held * share // 100, units=10)
        self.settled[run] = min(held, held * share // 100)
        self.charged += self.settled[run]

    @precondition(lambda self: self.settled)
    @rule(data=st.data(), amount=AMOUNTS)
    def settle_again(self, data: st.DataObject, amount: int) -> None:
        ledger.settle(ORG, data.draw(st.sampled_from(sorted(self.settled))), amount=amount, units=1000)

    @invariant()
    def the_books_agree(self) -> None:
        account = ledger.account_of(ORG)
        if account.plan != "payg":  # before `open`
            return
        assert (account.balance, account.reserved) == (self.paid_in - self.charged, sum(self.held.values()))
        assert 0 <= account.reserved <= account.balance
        assert {run: ledger.charged(ORG, run) for run in self.settled} == self.settled
        entries, _ = ledger.entries(ORG, limit=1000)
        answer = {
            kind: sum(e.amount for e in entries if e.kind == kind)
            for kind in ("top_up", "reserve", "settle", "release")
        }
        assert answer["top_up"] - answer["settle"] == account.balance
        assert answer["reserve"] - answer["settle"] - answer["release"] == account.reserved

    def teardown(self) -> None:
        platform.use(None)
        self.tables.close()
        self._folder.cleanup()


class TestBooks(Books.TestCase):  # type: ignore[misc, name-defined]
    settings = hypothesis_settings(max_examples=40, stateful_step_count=30, deadline=None)
