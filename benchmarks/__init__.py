"""The cost of the check, compared with two obvious ways to collect the same: `make bench`."""
