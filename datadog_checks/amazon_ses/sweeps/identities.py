"""The sweep of identities: domains and addresses that mail is sent from, and what is wrong with them."""

from __future__ import annotations

from datadog_checks.amazon_ses.model import Action
from datadog_checks.amazon_ses.sweeps import Sweep
from datadog_checks.amazon_ses.sweeps.identity_readings import (
    COUNT,
    CREATED,
    DELETED,
    LOST,
    REGAINED,
    SENDING_ENABLED,
    SEVERITY,
    TOPIC_LOST,
    UNHEALTHY,
    UNNAMED,
    changes,
    readings,
)
from datadog_checks.amazon_ses.sweeps.identity_rounds import (
    BATCHES,
    DETAILS,
    LIST,
    Identities,
    after_answer,
    from_document,
    next_request,
    pending,
    read_at,
    to_document,
)

IDENTITIES: Sweep[Identities] = Sweep(
    name='identities',
    actions=(
        Action(f'ses:{LIST}', 'identities, their verification, what they lost'),
        *(Action(f'ses:{operation}', 'DKIM, MAIL FROM and feedback topics of identities') for operation in BATCHES),
        Action(f'ses:{DETAILS}', 'DKIM key length and configuration set of identities'),
    ),
    metrics=(COUNT, UNHEALTHY, UNNAMED, SEVERITY, SENDING_ENABLED),
    events=(LOST, REGAINED, TOPIC_LOST, CREATED, DELETED),
    new_state=Identities,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    changes=changes,
    pending=pending,
    read_at=read_at,
    to_document=to_document,
    from_document=from_document,
    runs_when_quiet=True,
)
