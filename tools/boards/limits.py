"""The table of thresholds. Monitors, colours and lines of the dashboards, and README are rendered from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """The levels at which warning and alert begin, and the levels at which they end.

    `below`: low values are bad. A limit without recovery is for dashboards only.
    """

    critical: float
    warning: float | None = None
    critical_recovery: float | None = None
    warning_recovery: float | None = None
    unit: str = ''
    below: bool = False

    @property
    def comparator(self) -> str:
        return '<' if self.below else '>='


# Percent. AWS reviews an account from a bounce rate of 5 or a complaint rate of 0.1, and may pause it from 10 or 0.5
# (SES Developer Guide, FAQ on enforcement).
REVIEW_BOUNCES, PAUSE_BOUNCES = 5.0, 10.0
REVIEW_COMPLAINTS, PAUSE_COMPLAINTS = 0.1, 0.5

STANDING = Limit(2, 1, 1.5, 0.5)
PAUSE_NEAR = Limit(80, 60, 75, 55)
# Before the review: AWS's best practice is a bounce rate of 2 %.
BOUNCE_RATE = Limit(4, 2.5, 3.5, 2, '%')
COMPLAINT_RATE = Limit(0.08, 0.05, 0.07, 0.04, '%')
QUOTA = Limit(90, 70, 85, 65, '%')
SEND_RATE = Limit(90, 75, 80, 65, '%')
SILENCE = Limit(1, None, 2, None, 'emails', below=True)
SET_BOUNCES = Limit(5, 3, 4, 2, '%')
NOT_RENDERED = Limit(5, 2, 4, 1, '%')
NOT_DELIVERED = Limit(20, 12, 15, 8, '%')
DELAYED = Limit(20, 12, 15, 8, '%')
SANDBOX = Limit(0.5, None, 0.9, None, below=True)
AGENTS = Limit(5400, None, 4500, None, 's')
STALE = Limit(7200, None, 3600, None, 's')
# The mean of runs that read everything (1), a part (0.5) or nothing (0).
CONNECTION = Limit(0.25, 0.75, 0.4, 0.85, below=True)
PROBLEMS = Limit(1, None, 0.5, None, 'identities')
DESTINATIONS = Limit(1, None, 0.5, None, 'configuration sets')

RECEIPTS = Limit(1, None, 0.5, None, 'emails')
# Outlook's band of spam, of which 2 is red, and trap hits, added up.
ADDRESS = Limit(2, 1, 1.5, 0.5)
POOL = Limit(90, 75, 85, 70, '%')
SURGE = Limit(300, 200, 250, 150, '%')
RATES_AGE = Limit(21600, None, 10800, None, 's')
WRONG = Limit(1, None, 0.5, None, 'periods')
FINDINGS = Limit(1, None, 0.5, None, 'findings')
TENANTS = Limit(1, None, 0.5, None, 'tenants')
REFUSED = Limit(20, None, 10, None, 'recipients')
RULE_SET = Limit(0.5, None, 0.9, None, below=True)
LISTED = Limit(1, None, 0.5, None, 'addresses')
FAILOVER = Limit(100, 80, 95, 75, '%')
PROVIDER = Limit(80, 90, 85, 93, '%', below=True)

SMALL_SET = 200
"""Emails added to those of a configuration set, so that three bounces of twenty mails are no alert."""

SMALL_PERIOD = 20
"""The same, added to the emails of five minutes."""

USUAL_PERIOD = 100
"""Emails of five minutes that are nothing unusual, added to those of a week ago."""

# For dashboards only.
SET_COMPLAINTS = Limit(0.1, 0.05, unit='%')
# The limits of both rates on the scale of the risk, and as the share of the way to the review that is left.
RISK = Limit(40, 25)
DELIVERED = Limit(90, 95, unit='%', below=True)
HEADROOM = Limit(20, 50, unit='%', below=True)
# Outlook's verdict is one of three bands: 0 below 10, 1 up to 90, and 2 above 90 percent of spam.
SPAM = Limit(2, 1)
# AWS's example for email validation alerts at this level.
LOW_CONFIDENCE = Limit(20, unit='%')
DATA_AGE = Limit(3600, 1800, unit='s')
RUN_SECONDS = Limit(45, 20, unit='s')
LOST = Limit(1)
OFF = Limit(1, below=True)
# Of identities and configuration sets: 3 mail is refused, 2 mail or feedback suffers.
SEVERITY = Limit(3, 2)
ILL = Limit(1)
QUEUE_LAG = Limit(3600, 900, unit='s')
