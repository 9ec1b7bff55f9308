"""CloudWatch: which series there are, which are asked for and when, and what the answers become (ledger, gauges)."""
