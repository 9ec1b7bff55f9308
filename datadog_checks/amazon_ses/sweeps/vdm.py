"""The sweep of the Virtual Deliverability Manager: what mailbox providers do with the mail, as AWS itself counts it.

It asks only where GetAccount says that the manager is on: switching it on costs money. AWS sums by UTC day, so a window
is the last complete day, or the last seven. It leaves out mail to several recipients and what the suppression list held
back, so its numbers are below those of CloudWatch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses.model import Action, Failure, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep
from datadog_checks.amazon_ses.values import DAY, amount, epoch

BATCH = 'BatchGetMetricData'
INTERVAL, SOON = 3600, 900
"""Seconds between two requests for the same, and after an answer that lacks something."""

DAYS = 7
LEAST_SENDS = 1000
"""Sends of a window below which its rates would be chance."""

ACCOUNT = ''
PROVIDERS: Mapping[str, str] = {
    'gmail': 'Gmail', 'yahoo': 'Yahoo', 'hotmail': 'Hotmail', 'outlook': 'Outlook', 'aol': 'AOL', 'icloud': 'iCloud',
    'gmx': 'GMX', 'comcast': 'Comcast', 'orange': 'Orange', 'mail_ru': 'Mail.ru', 'yandex': 'Yandex', 'qq': 'QQ',
}  # fmt: skip
"""The providers that are asked for, by their tag. AWS lists them nowhere; one of another spelling has no data."""

SEND, DELIVERY, COMPLAINT, HEARD = 'SEND', 'DELIVERY', 'COMPLAINT', 'DELIVERY_COMPLAINT'
PERMANENT, TRANSIENT = 'PERMANENT_BOUNCE', 'TRANSIENT_BOUNCE'
METRICS = (SEND, DELIVERY, PERMANENT, TRANSIENT, COMPLAINT, HEARD)
"""What a request asks for. HEARD are the deliveries to providers that report complaints."""


def _rate(name: str, description: str, orientation: int) -> MetricSpec:
    where = 'By mailbox provider and of all mail, where VDM is on and a window has 1,000 sends.'
    return MetricSpec(
        f'vdm.{name}', MetricType.GAUGE, f'{description} {where}', 'percent', orientation=orientation,
        interval=INTERVAL, tags=('provider', 'window'),
    )  # fmt: skip


DELIVERY_RATE = _rate('delivery_rate', 'Share of the mail that was delivered.', 1)
PERMANENT_RATE = _rate('permanent_bounce_rate', 'Share of the mail that bounced for good.', -1)
TRANSIENT_RATE = _rate('transient_bounce_rate', 'Share of the mail that bounced for the time being.', -1)
COMPLAINT_RATE = _rate(
    'complaint_rate', 'Complaints as a share of the mail delivered to providers that report them.', -1
)
RATES = (
    (DELIVERY_RATE, DELIVERY, SEND),
    (PERMANENT_RATE, PERMANENT, SEND),
    (TRANSIENT_RATE, TRANSIENT, SEND),
    (COMPLAINT_RATE, COMPLAINT, HEARD),
)
"""AWS's own formulae: a metric, and what it is a share of."""

WINDOWS = {'1d': 1, '7d': DAYS}


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of a provider, or of the account, as AWS answered them at `at`: by metric, of each window in order.

    A metric for which AWS answered an error is not among them.
    """

    at: float
    totals: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return len(self.totals) == len(METRICS)

    def is_due(self, now: float) -> bool:
        """Whether it is time to ask again. A provider without mail in seven days is asked for once a day."""
        interval = SOON
        if self.is_complete:
            interval = INTERVAL if self.totals[SEND][-1] else DAY
        return not 0 <= now - self.at < interval

    def is_fresh(self, now: float) -> bool:
        return 0 <= now - self.at < 3 * INTERVAL


@dataclass(frozen=True, slots=True)
class Deliverability:
    """The newest sums by the tag of the provider; ACCOUNT stands for all mail."""

    sums: Mapping[str, Sums] = field(default_factory=dict)

    @property
    def is_large(self) -> bool:
        """Whether a provider can have enough mail."""
        every = self.sums.get(ACCOUNT)
        return every is not None and every.totals.get(SEND, (0.0,))[-1] >= LEAST_SENDS


def next_request(state: Deliverability, context: Context, now: float) -> ApiRequest | None:
    if not context.vdm or not context.may_ask(BATCH):
        return None
    for provider in _asked(state):
        if provider not in state.sums or _is_due(state.sums[provider], provider, now):
            return ApiRequest('sesv2', BATCH, {'Queries': _queries(provider, now)})
    return None


def after_answer(state: Deliverability, request: ApiRequest, answer: Answer | Failure, now: float) -> Deliverability:
    if isinstance(answer, Failure):
        return state
    queries = request.parameters['Queries']
    query, metrics = queries[0], {each['Id']: each['Metric'] for each in queries}
    spelling = query.get('Dimensions', {}).get('ISP')
    provider = next((tag for tag, name in PROVIDERS.items() if name == spelling), ACCOUNT)
    totals = {
        metrics[result['Id']]: _totals(result, query['StartDate'], query['EndDate']) for result in answer['Results']
    }
    if not totals:
        raise ValueError('no query was answered')
    return replace(state, sums={**state.sums, provider: Sums(now, totals)})


def readings(state: Deliverability, context: Context, now: float) -> Iterable[Reading]:
    """Nothing while VDM is off, or of what is too old."""
    if not context.vdm:
        return
    for provider, sums in state.sums.items():
        if not sums.is_fresh(now) or SEND not in sums.totals:
            continue
        named = (f'provider:{provider}',) if provider else ()
        for place, window in enumerate(WINDOWS):
            if sums.totals[SEND][place] < LEAST_SENDS:
                continue
            for metric, part, whole in RATES:
                if part in sums.totals and whole in sums.totals and sums.totals[whole][place]:
                    share = sums.totals[part][place] / sums.totals[whole][place]
                    yield Sample(metric, 100.0 * share, (*named, f'window:{window}'))


def pending(state: Deliverability, context: Context, now: float) -> int:
    """What is to be asked for and was not, or was answered in part."""
    if not context.vdm:
        return 0
    every = (state.sums.get(provider) for provider in _asked(state))
    return sum(sums is None or not sums.is_complete for sums in every)


def read_at(state: Deliverability) -> float | None:
    """When the sums of all mail were read: those of a provider without mail may be a day old."""
    return state.sums[ACCOUNT].at if ACCOUNT in state.sums else None


def _asked(state: Deliverability) -> Iterable[str]:
    return (ACCOUNT, *PROVIDERS) if state.is_large else (ACCOUNT,)


def _is_due(sums: Sums, provider: str, now: float) -> bool:
    """All mail is asked for every hour, even where there is none yet."""
    return sums.is_due(now) or (provider == ACCOUNT and not 0 <= now - sums.at < INTERVAL)


def _queries(provider: str, now: float) -> list[dict[str, Any]]:
    end = now // DAY * DAY
    of_provider = {'Dimensions': {'ISP': PROVIDERS[provider]}} if provider else {}
    return [
        {
            'Id': f'q{place}', 'Namespace': 'VDM', 'Metric': metric, 'StartDate': end - DAYS * DAY, 'EndDate': end,
            **of_provider,
        }
        for place, metric in enumerate(METRICS)
    ]  # fmt: skip


def _totals(result: Mapping[str, Any], start: float, end: float) -> tuple[float, ...]:
    """The sum of each window that ends at `end`. A day without a value had no mail; the running one does not count."""
    values = zip(map(epoch, result['Timestamps']), map(amount, result['Values']), strict=True)
    days = [(at, value) for at, value in values if start <= at < end]
    return tuple(sum(value for at, value in days if at >= end - days_of * DAY) for days_of in WINDOWS.values())


VDM: Sweep[Deliverability] = Sweep(
    name='vdm',
    actions=(Action(f'ses:{BATCH}', 'what mailbox providers do with the mail, where VDM is on'),),
    metrics=tuple(metric for metric, _, _ in RATES),
    new_state=Deliverability,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    pending=pending,
    read_at=read_at,
    to_document=lambda state: None,
    from_document=lambda document: Deliverability(),
)
