"""The edge: everything that talks to AWS. boto3 and botocore are known here only."""
