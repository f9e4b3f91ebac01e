"""Every error the product raises on purpose, drawn as a tree; `dataforge_functions/api` translates it to HTTP once.

DataForgeError
├── Invalid                422  a value breaks a stated limit (carries the field)
│   └── Malformed          400  the request itself cannot be read
│   └── Misspelt           422  a description may hold typing mistakes (carries suggestions)
├── Unauthenticated        401
├── PaymentRequired        402  balance, quota or monthly budget does not cover it
├── Forbidden              403
├── NotFound               404  also what another organisation's ids look like
├── Conflict               409  the state of the thing forbids it now
│   ├── InProgress         409  the same request is being answered (carries retry_after)
│   └── RevisionConflict   409  somebody changed the record since the editor read it (carries it as it is now)
├── TooLarge               413
├── UnsupportedMedia       415  the body is compressed, or not declared as JSON
├── RateLimited            429  (carries retry_after)
├── Busy                   503  a store is overloaded or out of reach, retries and all (carries retry_after)
│   ├── StoreRefuses       503  a store refuses writes: the disk is full, a permission is missing
│   └── ModelLoading       503  a trained model is being loaded (carries retry_after)
├── NotConfigured          501  the deployment lacks what this needs; the message says what to set
├── Unreadable                  a document cannot be parsed; the message tells a person what to do
├── TeacherError                a teacher did not answer (carries may_be_billed)
│   ├── TeacherBusy             try again after `retry_after` seconds (429, 503, 529)
│   ├── TeacherUnreachable      try again (reset, time-out, 5xx)
│   └── TeacherRefused          never try again: this prompt (this_prompt_only), or any (bad key, unknown model)
├── BadReply                    the teacher answered, but the recipe cannot read it, or not all of it
├── BatchUnfinished             a batch ran out of time; run it again, it goes on where it stopped
├── EraseUnfinished             an erasure ran out of time; the same
├── SchemaMismatch         503  the data has a form that this version does not work on (store.schema)
└── ConditionFailed             a conditional write found another state (platform.tables)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataforge.records import Draft, Rates


class DataForgeError(Exception):
    """Base of all; `code` is the stable word clients branch on, `status` the HTTP status it maps to."""

    code = "INTERNAL"
    status = 500

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code:
            self.code = code


@dataclass(frozen=True, slots=True)
class FieldError:
    """One broken field, as it appears in the error body's `errors`."""

    field: str
    message: str


class Invalid(DataForgeError):
    code, status = "VALIDATION_ERROR", 422

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.errors = [FieldError(field, message)] if field else []


class Malformed(Invalid):
    code, status = "MALFORMED_REQUEST", 400


class Misspelt(Invalid):
    """suggestions: (word, what may have been meant), likeliest first; corrected: the text with the first of each."""

    code, status = "DOMAIN_SPELL_CHECK", 422

    def __init__(self, message: str, *, suggestions: Sequence[tuple[str, Sequence[str]]], corrected: str) -> None:
        super().__init__(message, field="domain")
        self.suggestions, self.corrected = suggestions, corrected


class PaymentRequired(DataForgeError):
    code, status = "INSUFFICIENT_BALANCE", 402


class Unauthenticated(DataForgeError):
    code, status = "UNAUTHENTICATED", 401


class Forbidden(DataForgeError):
    code, status = "FORBIDDEN", 403


class NotFound(DataForgeError):
    code, status = "NOT_FOUND", 404


class Gone(DataForgeError):
    code, status = "GONE", 410


class Conflict(DataForgeError):
    code, status = "CONFLICT", 409


class InProgress(Conflict):
    code = "IDEMPOTENCY_IN_PROGRESS"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RevisionConflict(Conflict):
    """current: the stored record as it is now, a Pair or a StoredChunk."""

    code = "REVISION_CONFLICT"

    def __init__(self, message: str, *, current: object) -> None:
        super().__init__(message)
        self.current = current


class TooLarge(DataForgeError):
    code, status = "TOO_LARGE", 413


class UnsupportedMedia(DataForgeError):
    code, status = "UNSUPPORTED_MEDIA_TYPE", 415


class RateLimited(DataForgeError):
    code, status = "RATE_LIMITED", 429

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(DataForgeError):
    code, status = "BUSY", 503
    retry_after = 5.0


class StoreRefuses(Busy):
    """Nothing was written. The state machines retry on this name: the same write may succeed once a person has made
    room."""

    code = "STORE_REFUSES"
    retry_after = 15.0


class ModelLoading(Busy):
    """retry_after: seconds after which it may answer."""

    code = "MODEL_LOADING"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotConfigured(DataForgeError):
    code, status = "NOT_CONFIGURED", 501


class Unreadable(DataForgeError):
    """`reason` is one of: encrypted, corrupted, empty, no_text, too_large, unsupported, too_complex, timed_out; of an
    upload also size_mismatch, not_checked; of a URL also forbidden_address, unreachable, http_error."""

    code, status = "UNREADABLE_DOCUMENT", 422

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class TeacherError(DataForgeError):
    """may_be_billed: the request was sent and the provider may have worked on it, so it may cost money."""

    code, status = "TEACHER_ERROR", 502

    def __init__(self, message: str, *, may_be_billed: bool = False) -> None:
        super().__init__(message)
        self.may_be_billed = may_be_billed


class TeacherBusy(TeacherError):
    """limited: the account sends too many requests (429), so sending fewer helps; else the provider is overloaded.
    loading: it has not begun to answer yet, which takes minutes."""

    code = "TEACHER_BUSY"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        rates: Rates | None = None,
        limited: bool = True,
        may_be_billed: bool = False,
        loading: bool = False,
    ) -> None:
        super().__init__(message, may_be_billed=may_be_billed)
        self.retry_after, self.rates, self.limited, self.loading = retry_after, rates, limited, loading


class TeacherUnreachable(TeacherError):
    """timed_out: a server took the request and did not answer in time: perhaps it has too many at once."""

    code = "TEACHER_UNREACHABLE"

    def __init__(self, message: str, *, may_be_billed: bool = False, timed_out: bool = False) -> None:
        super().__init__(message, may_be_billed=may_be_billed)
        self.timed_out = timed_out


class TeacherRefused(TeacherError):
    """this_prompt_only: refused for what this one request asks (its length, its content); another one may pass."""

    code = "TEACHER_REFUSED"

    def __init__(self, message: str, *, this_prompt_only: bool = False) -> None:
        super().__init__(message)
        self.this_prompt_only = this_prompt_only


def may_be_billed(problem: BaseException) -> bool:
    """Whether a call to a teacher that ended with this exception may cost money.

    A teacher's connection marks a CancelledError that passes through it; any other exception proves nothing: True.
    """
    return bool(getattr(problem, "may_be_billed", True))


class BadReply(DataForgeError):
    """The message is shown to the teacher as the reason of a correction turn; `drafts` is what could be read, by the
    index of its slot."""

    code = "BAD_REPLY"

    def __init__(self, message: str, *, drafts: Mapping[int, Draft] | None = None) -> None:
        super().__init__(message)
        self.drafts = dict(drafts or {})


class BatchUnfinished(DataForgeError):
    """The state machine retries on this name; what was answered is on file."""

    code = "BATCH_UNFINISHED"


class EraseUnfinished(DataForgeError):
    """The state machine retries on this name; what was erased is gone."""

    code = "ERASE_UNFINISHED"


class SchemaMismatch(DataForgeError):
    """SCHEMA_NEWER: a newer release wrote the data. SCHEMA_OLDER: its steps are not carried out yet."""

    code, status = "SCHEMA_NEWER", 503


class UnknownRunKind(DataForgeError):
    code = "UNKNOWN_RUN_KIND"


class ConditionFailed(DataForgeError):
    code, status = "CONDITION_FAILED", 409
