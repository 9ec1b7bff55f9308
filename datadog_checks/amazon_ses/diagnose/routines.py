"""Routines: one for each topic, registered with the Agent, which runs them in order when it is asked to diagnose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from datadog_checks.amazon_ses.diagnose import Verdict
from datadog_checks.amazon_ses.diagnose.answers import Answers
from datadog_checks.amazon_ses.diagnose.judgement import TOPICS, Topic

CATEGORY = 'Amazon SES'


class Routines:
    """The routines of one check. The first of them examines, the others read what came of it.

    `diagnosis` is the Agent's. `examine` asks AWS; `sanitize` takes secrets out of a text.
    """

    def __init__(self, diagnosis: Any, examine: Callable[[], Answers], sanitize: Callable[[str], str]) -> None:
        self._diagnosis = diagnosis
        self._examine = examine
        self._sanitize = sanitize
        self._answers = Answers()

    def register(self) -> None:
        self._diagnosis.register(self._begin, *(partial(self._say, topic) for topic in TOPICS))

    def _begin(self) -> None:
        self._answers = Answers()
        self._answers = self._examine()

    def _say(self, topic: Topic) -> None:
        record = {
            Verdict.SUCCESS: self._diagnosis.success,
            Verdict.FAIL: self._diagnosis.fail,
            Verdict.WARNING: self._diagnosis.warning,
        }
        for diagnosis in topic(self._answers):
            record[diagnosis.verdict](
                diagnosis.name,
                self._sanitize(diagnosis.text),
                category=CATEGORY,
                description=f'Calls: {diagnosis.calls}.' if diagnosis.calls else None,
                remediation=diagnosis.remedy or None,
            )
