"""Failure events of SES from queues of the operator (SQS): received, aggregated, and deleted once they are submitted.

`envelopes.py` opens messages, `facts.py` keeps of an event what may be counted, `reasons.py` and `providers.py`
classify the answers of mail servers, `counts.py` has the metrics, `memory.py` the events that are counted already.
`queues.py` says what is asked of a queue, `intake.py` takes in what was received. All of it is pure; `aws/queues.py` is
the edge.

The order is: receive, aggregate, save the memory, submit, delete. A crash loses the amounts of one run at most, and no
event that the memory knows is counted twice.
"""
