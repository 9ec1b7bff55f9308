"""How much the check costs, beside the two obvious ways to write it: `make bench`."""
