"""CloudWatch: which series there are, which are asked for and when, and what becomes of the answers (ledger, gauges)."""
