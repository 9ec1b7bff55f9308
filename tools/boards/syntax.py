"""The part of Datadog's query language that is used here, parsed: queries of widgets, their formulas, and monitors.

What is not used is refused, even where Datadog would take it: see `parse`, `parse_formula`, `parse_monitor`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SPACES = ('avg', 'max', 'min', 'sum')
ROLLED = ('avg', 'max', 'min', 'sum', 'count')
FUNCTIONS = ('default_zero',)

TOKEN = re.compile(
    r'\s*(?:(?P<number>\d+(?:\.\d+)?)(?![\w.])|(?P<word>[A-Za-z][\w.]*)|(?P<scope>\{[^{}]*\})|(?P<sign>[-+*/(),:]|\.))'
)
FILTER = re.compile(r'(?P<not>!)?(?:\$(?P<variable>\w+)|(?P<tag>[a-z][\w./-]*):(?P<value>[^\s,{}$!]+)|(?P<all>\*))')
WINDOW = re.compile(r'last_(\d+)([mhd])')
CHECK = re.compile(
    r'"(?P<check>[\w.]+)"\.over\("\*"\)\.by\((?P<by>"\w+"(?:,"\w+")*)\)\.last\((?P<last>\d+)\)\.count_by_status\(\)'
)
MONITOR = re.compile(
    r'(?P<time>avg|max|min|sum)\((?P<window>last_\w+)\):(?P<what>.+) (?P<comparator>>=|<=|>|<) (?P<critical>[\d.]+)'
)
SECONDS = {'m': 60, 'h': 3600, 'd': 86400}


class SyntaxProblem(ValueError):
    """A text that is none of the language used here."""


@dataclass(frozen=True)
class Filter:
    """One condition of a scope: a template variable, or a tag with a value, where `*` is any value."""

    variable: str = ''
    tag: str = ''
    value: str = ''
    negated: bool = False


@dataclass(frozen=True)
class Metric:
    """One metric query. `filters` is empty for `*`; `interval` is 0 where Datadog chooses."""

    space: str
    name: str
    filters: tuple[Filter, ...]
    by: tuple[str, ...] = ()
    as_count: bool = False
    rolled: str = ''
    interval: int = 0


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Name:
    """A query, by its name in a formula."""

    name: str


@dataclass(frozen=True)
class Call:
    function: str
    argument: Expression


@dataclass(frozen=True)
class Operation:
    sign: str
    left: Expression
    right: Expression


Expression = Metric | Number | Name | Call | Operation


@dataclass(frozen=True)
class MonitorQuery:
    """A metric monitor: `what` is reduced by `time` over `window` seconds and compared with `critical`."""

    time: str
    window: int
    what: Expression
    comparator: str
    critical: float


@dataclass(frozen=True)
class CheckQuery:
    """A service check monitor over the `last` statuses of each group."""

    check: str
    by: tuple[str, ...]
    last: int


def parse(text: str) -> Expression:
    """A metric query or an expression of some. Raises SyntaxProblem."""
    return _Reader(text, names=False).whole()


def parse_formula(text: str) -> Expression:
    """A formula over the names of queries. Raises SyntaxProblem."""
    return _Reader(text, names=True).whole()


def parse_monitor(text: str) -> MonitorQuery | CheckQuery:
    """The query of a monitor. Raises SyntaxProblem."""
    check = CHECK.fullmatch(text)
    if check is not None:
        return CheckQuery(check['check'], tuple(re.findall(r'\w+', check['by'])), int(check['last']))
    match = MONITOR.fullmatch(text)
    window = WINDOW.fullmatch(match['window']) if match else None
    if match is None or window is None:
        raise SyntaxProblem(f'{text!r} is neither a metric monitor nor a service check monitor')
    seconds = int(window[1]) * SECONDS[window[2]]
    return MonitorQuery(match['time'], seconds, parse(match['what']), match['comparator'], float(match['critical']))


def metrics(expression: Expression) -> Iterator[Metric]:
    """The metric queries in an expression, from left to right."""
    if isinstance(expression, Metric):
        yield expression
    elif isinstance(expression, Call):
        yield from metrics(expression.argument)
    elif isinstance(expression, Operation):
        yield from metrics(expression.left)
        yield from metrics(expression.right)


def names(expression: Expression) -> Iterator[str]:
    """The names of queries in a formula, from left to right."""
    if isinstance(expression, Name):
        yield expression.name
    elif isinstance(expression, Call):
        yield from names(expression.argument)
    elif isinstance(expression, Operation):
        yield from names(expression.left)
        yield from names(expression.right)


class _Reader:
    """Reads by recursive descent: sums of products of atoms."""

    def __init__(self, text: str, names: bool) -> None:
        self._text = text
        self._names = names
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            if match is None:
                raise SyntaxProblem(f'{text!r}: {text[at:]!r} is not understood')
            self._tokens.append((str(match.lastgroup), str(match[str(match.lastgroup)])))
            at = match.end()
        self._at = 0

    def whole(self) -> Expression:
        found = self._sum()
        if self._at < len(self._tokens):
            self._fail(f'{self._peek()[1]!r} is too much')
        return found

    def _sum(self) -> Expression:
        found = self._product()
        while self._peek()[1] in ('+', '-'):
            found = Operation(self._take(), found, self._product())
        return found

    def _product(self) -> Expression:
        found = self._atom()
        while self._peek()[1] in ('*', '/'):
            found = Operation(self._take(), found, self._atom())
        return found

    def _atom(self) -> Expression:
        kind, text = self._peek()
        if kind == 'number':
            return Number(float(self._take()))
        if text == '(':
            self._take()
            found = self._sum()
            self._expect(')')
            return found
        if kind != 'word':
            self._fail(f'a query was expected before {text!r}' if text else 'a query is missing at the end')
        word = self._take()
        if self._peek()[1] == '(':
            if word not in FUNCTIONS:
                self._fail(f'the function {word} is not used here')
            self._take()
            found = Call(word, self._sum())
            self._expect(')')
            return found
        if self._names:
            return Name(word)
        return self._metric(word)

    def _metric(self, space: str) -> Metric:
        if space not in SPACES:
            self._fail(f'{space!r} is no aggregation')
        self._expect(':')
        name = self._kind('word', 'the name of a metric')
        filters = _filters(self._kind('scope', 'a scope')[1:-1])
        by: tuple[str, ...] = ()
        if self._peek() == ('word', 'by'):
            self._take()
            by = tuple(one.strip() for one in self._kind('scope', 'tags to group by')[1:-1].split(','))
            if not all(re.fullmatch(r'[a-z]\w*', one) for one in by):
                self._fail('a tag to group by is malformed')
        as_count, rolled, interval = False, '', 0
        while self._peek()[1] == '.':
            self._take()
            word = self._kind('word', 'a modifier')
            self._expect('(')
            if word == 'as_count' and not as_count and not rolled:
                as_count = True
            elif word == 'rollup' and not rolled:
                rolled = self._kind('word', 'how to roll up')
                self._expect(',')
                interval = int(self._kind('number', 'seconds'))
                if rolled not in ROLLED or interval <= 0:
                    self._fail('the rollup is malformed')
            else:
                self._fail(f'.{word}() is not used here or comes twice')
            self._expect(')')
        return Metric(space, name, filters, by, as_count, rolled, interval)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ('', '')

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _kind(self, kind: str, what: str) -> str:
        if self._peek()[0] != kind:
            self._fail(f'{what} was expected, not {self._peek()[1]!r}')
        return self._take()

    def _expect(self, sign: str) -> None:
        if self._peek()[1] != sign:
            self._fail(f'{sign!r} was expected, not {self._peek()[1]!r}')
        self._take()

    def _fail(self, why: str) -> None:
        raise SyntaxProblem(f'{self._text!r}: {why}')


def _filters(text: str) -> tuple[Filter, ...]:
    found = []
    for part in text.split(','):
        match = FILTER.fullmatch(part.strip())
        if match is None:
            raise SyntaxProblem(f'{{{text}}}: {part!r} is no filter')
        if not match['all']:
            found.append(Filter(match['variable'] or '', match['tag'] or '', match['value'] or '', bool(match['not'])))
        elif len(text.split(',')) > 1:
            raise SyntaxProblem(f'{{{text}}}: * beside other filters')
    return tuple(found)
