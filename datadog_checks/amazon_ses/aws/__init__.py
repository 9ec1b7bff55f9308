"""The edge: everything that talks to AWS. Only modules of this folder import botocore."""
