"""Parses the part of Datadog's query language that is used here: queries of widgets, their formulas, and monitors.

Syntax that is not used here is refused, even where Datadog accepts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

SPACES = ('avg', 'max', 'min', 'sum')
ROLLUPS = ('avg', 'max', 'min', 'sum', 'count')
FUNCTIONS = {'default_zero': (), 'clamp_max': ('number',), 'moving_rollup': ('number', 'text')}
"""The functions with the kinds of their arguments after the first, which is a query or a formula."""

SHIFTS = {'hour_before': 3600, 'day_before': 86_400, 'week_before': 604_800}
"""The functions that show a query as it was, and the seconds that they go back: those that monitors take, too."""

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)(?![\w.])|(?P<word>[A-Za-z][\w.]*)|(?P<scope>\{[^{}]*\})|(?P<sign>[-+*/(),:]|\.)|"
    r"(?P<text>'\w+'))"
)
FILTER = re.compile(r'(?P<not>!)?(?:\$(?P<variable>\w+)|(?P<tag>[a-z][\w./-]*):(?P<value>[^\s,{}$!]+))')
MONITOR = re.compile(
    r'(?P<reduction>avg|max|min|sum)\(last_(?P<length>\d+)(?P<unit>[mhd])\):'
    r'(?P<expression>.+) (?P<comparator>>=|<=|>|<) (?P<critical>[\d.]+)'
)
SECONDS = {'m': 60, 'h': 3600, 'd': 86400}


class SyntaxProblem(ValueError):
    """A text that is not of the language used here."""


@dataclass(frozen=True)
class Filter:
    """One condition of a scope: a template variable, or a tag with a value, where `*` is any value."""

    variable: str = ''
    tag: str = ''
    value: str = ''
    negated: bool = False


@dataclass(frozen=True)
class Metric:
    """A metric query. `filters` is empty for `*`; `interval` is 0 where Datadog chooses."""

    space: str
    name: str
    filters: tuple[Filter, ...]
    by: tuple[str, ...] = ()
    as_count: bool = False
    rollup: str = ''
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
    """A function of an argument, and further numbers and texts."""

    function: str
    argument: Expression
    further: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shift:
    """What a metric was so many seconds ago."""

    metric: Metric
    seconds: int


@dataclass(frozen=True)
class Operation:
    sign: str
    left: Expression
    right: Expression


Expression = Metric | Number | Name | Call | Shift | Operation


@dataclass(frozen=True)
class MonitorQuery:
    """A metric monitor: the `reduction` of `expression` over `window` seconds is compared with `critical`."""

    reduction: str
    window: int
    expression: Expression
    comparator: str
    critical: float


def parse(text: str) -> Expression:
    """A metric query, or arithmetic over metric queries. Raises SyntaxProblem."""
    return _Parser(text, names=False).parse()


def parse_formula(text: str) -> Expression:
    """A formula over the names of queries. Raises SyntaxProblem."""
    return _Parser(text, names=True).parse()


def parse_monitor(text: str) -> MonitorQuery:
    """The query of a monitor. Raises SyntaxProblem."""
    match = MONITOR.fullmatch(text)
    if match is None:
        raise SyntaxProblem(f'{text!r} is no metric monitor')
    window, expression = int(match['length']) * SECONDS[match['unit']], parse(match['expression'])
    return MonitorQuery(match['reduction'], window, expression, match['comparator'], float(match['critical']))


def metrics(expression: Expression) -> list[Metric]:
    """The metric queries in an expression, from left to right."""
    return [leaf for leaf in _leaves(expression) if isinstance(leaf, Metric)]


def names(expression: Expression) -> list[str]:
    """The names of queries in a formula, from left to right."""
    return [leaf.name for leaf in _leaves(expression) if isinstance(leaf, Name)]


def _leaves(expression: Expression) -> Iterator[Metric | Number | Name]:
    if isinstance(expression, Call):
        yield from _leaves(expression.argument)
    elif isinstance(expression, Shift):
        yield expression.metric
    elif isinstance(expression, Operation):
        yield from _leaves(expression.left)
        yield from _leaves(expression.right)
    else:
        yield expression


class _Parser:
    """Parses by recursive descent: sums of products of atoms."""

    def __init__(self, text: str, names: bool) -> None:
        self._text = text
        self._names = names
        self._tokens: list[tuple[str, str]] = []
        self._position = 0
        end = 0
        while text[end:].strip():
            match = TOKEN.match(text, end)
            if match is None:
                raise SyntaxProblem(f'{text!r}: {text[end:]!r} is not understood')
            self._tokens.append((str(match.lastgroup), str(match[str(match.lastgroup)])))
            end = match.end()

    def parse(self) -> Expression:
        expression = self._sum()
        if self._position < len(self._tokens):
            self._fail(f'{self._peek()[1]!r} is too much')
        return expression

    def _sum(self) -> Expression:
        expression = self._product()
        while self._peek()[1] in ('+', '-'):
            expression = Operation(self._take(), expression, self._product())
        return expression

    def _product(self) -> Expression:
        expression = self._atom()
        while self._peek()[1] in ('*', '/'):
            expression = Operation(self._take(), expression, self._atom())
        return expression

    def _atom(self) -> Expression:
        kind, text = self._peek()
        if kind == 'number':
            return Number(float(self._take()))
        if text == '(':
            return self._parenthesis()
        if kind != 'word':
            self._fail(f'a query was expected before {text!r}' if text else 'a query is missing at the end')
        word = self._take()
        if self._peek()[1] == '(':
            if word in SHIFTS and not self._names:
                return self._shift(SHIFTS[word])
            if word not in FUNCTIONS:
                self._fail(f'the function {word} is not used here')
            return self._call(word)
        return Name(word) if self._names else self._metric(word)

    def _call(self, function: str) -> Call:
        self._expect('(')
        argument = self._sum()
        further = []
        for kind in FUNCTIONS[function]:
            self._expect(',')
            further.append(self._take_kind(kind, f'a {kind}').strip("'"))
        self._expect(')')
        return Call(function, argument, tuple(further))

    def _shift(self, seconds: int) -> Shift:
        """The argument of a shift: a metric query."""
        self._expect('(')
        metric = self._metric(self._take_kind('word', 'a query'))
        self._expect(')')
        return Shift(metric, seconds)

    def _parenthesis(self) -> Expression:
        self._expect('(')
        expression = self._sum()
        self._expect(')')
        return expression

    def _metric(self, space: str) -> Metric:
        if space not in SPACES:
            self._fail(f'{space!r} is no aggregation')
        self._expect(':')
        name = self._take_kind('word', 'the name of a metric')
        filters = _filters(self._take_kind('scope', 'a scope')[1:-1])
        by: tuple[str, ...] = ()
        if self._peek() == ('word', 'by'):
            self._take()
            by = tuple(tag.strip() for tag in self._take_kind('scope', 'tags to group by')[1:-1].split(','))
            if not all(re.fullmatch(r'[a-z]\w*', tag) for tag in by):
                self._fail('a tag to group by is malformed')
        return Metric(space, name, filters, by, *self._modifiers())

    def _modifiers(self) -> tuple[bool, str, int]:
        """The fields `as_count`, `rollup` and `interval` of a metric query."""
        as_count, rollup, interval = False, '', 0
        while self._peek()[1] == '.':
            self._take()
            word = self._take_kind('word', 'a modifier')
            self._expect('(')
            if word == 'as_count' and not as_count and not rollup:
                as_count = True
            elif word == 'rollup' and not rollup:
                rollup = self._take_kind('word', 'how to roll up')
                self._expect(',')
                interval = int(self._take_kind('number', 'seconds'))
                if rollup not in ROLLUPS or interval <= 0:
                    self._fail('the rollup is malformed')
            else:
                self._fail(f'.{word}() is not used here or comes twice')
            self._expect(')')
        return as_count, rollup, interval

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._position] if self._position < len(self._tokens) else ('', '')

    def _take(self) -> str:
        self._position += 1
        return self._tokens[self._position - 1][1]

    def _take_kind(self, kind: str, description: str) -> str:
        if self._peek()[0] != kind:
            self._fail(f'{description} was expected, not {self._peek()[1]!r}')
        return self._take()

    def _expect(self, sign: str) -> None:
        if self._peek()[1] != sign:
            self._fail(f'{sign!r} was expected, not {self._peek()[1]!r}')
        self._take()

    def _fail(self, problem: str) -> NoReturn:
        raise SyntaxProblem(f'{self._text!r}: {problem}')


def _filters(text: str) -> tuple[Filter, ...]:
    parts = [part.strip() for part in text.split(',')]
    if parts == ['*']:
        return ()
    return tuple(_filter(part) for part in parts)


def _filter(text: str) -> Filter:
    match = FILTER.fullmatch(text)
    if match is None:
        raise SyntaxProblem(f'{text!r} is no filter, or * beside other filters')
    return Filter(match['variable'] or '', match['tag'] or '', match['value'] or '', bool(match['not']))
