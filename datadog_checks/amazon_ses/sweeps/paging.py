"""Paging: the place in a listing over several pages that a sweep reads at a cadence, one page a request.

A listing that AWS does not end in a stated number of pages, or whose token comes twice, is cut short: what it lacks is
unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from datadog_checks.amazon_ses.model import Failure

R = TypeVar('R')

MAX_PAGES = 100
"""Pages of one listing: AWS's limit of 10,000 identities at the smallest page that it documents, 100."""

TOKEN_SECONDS = 900
"""Seconds after the last page after which a listing begins anew, because its token may have ended."""


@dataclass(frozen=True, slots=True)
class Paging(Generic[R]):
    """The place in a listing, and what its newest round found.

    `rows` are those of the pages read so far of the round under way, which began at `begun_at`, the last of them at
    `page_at`; `token` is that of the next page, '' before the first. `listed` are the rows of the newest finished
    round, which began at `listed_at`, None where none has ended. `is_cut` says that it was cut short.
    """

    token: str = ''
    rows: tuple[R, ...] = ()
    tokens: frozenset[str] = frozenset()
    begun_at: float | None = None
    page_at: float = 0.0
    listed: tuple[R, ...] = ()
    listed_at: float | None = None
    is_cut: bool = False

    def is_due(self, interval: float, now: float) -> bool:
        """Whether a page is to be read now: the next one of a round, or the first one at its cadence."""
        return self.begun_at is not None or self.listed_at is None or not 0 <= now - self.listed_at < interval

    def is_fresh(self, longest: float, now: float) -> bool:
        """Whether a round has ended, and is not older than so many seconds."""
        return self.listed_at is not None and now - self.listed_at < longest

    def parameters(self, now: float) -> dict[str, str]:
        """The parameters of the page that is read next."""
        return {'NextToken': self.token} if self.token and not self._is_old(now) else {}

    def after_page(self, rows: Iterable[R], token: object, now: float, max_pages: int = MAX_PAGES) -> Paging[R]:
        """The place after a page was read. Raises TypeError where the token is no text."""
        if token is not None and not isinstance(token, str):
            raise TypeError('the token of the next page is no text')
        begins = self.begun_at is None or self._is_old(now)
        earlier: Paging[R] = replace(self, token='', rows=(), tokens=frozenset()) if begins else self
        begun_at = now if begins or self.begun_at is None else self.begun_at
        every = (*earlier.rows, *rows)
        pages = len(earlier.tokens) + 1
        if token and token not in earlier.tokens and pages < max_pages:
            tokens = earlier.tokens | {token}
            return replace(earlier, token=token, rows=every, tokens=tokens, begun_at=begun_at, page_at=now)
        return Paging(listed=every, listed_at=begun_at, is_cut=bool(token))

    def after_failure(self, failure: Failure) -> Paging[R]:
        """The place after a page failed: the round goes on there, or is cut short where AWS refuses the token."""
        if self.begun_at is None or not (failure.at_request or failure.invalid):
            return self
        return Paging(listed=self.rows, listed_at=self.begun_at, is_cut=True)

    def _is_old(self, now: float) -> bool:
        return self.begun_at is not None and not 0 <= now - self.page_at < TOKEN_SECONDS
