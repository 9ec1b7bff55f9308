"""The cost of the check, compared with two simple ways to collect the same: `make bench`."""
