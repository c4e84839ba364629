"""Files in and out: members' deliveries and campaign files, over PGP and the stores that carry them.

The only domain package whose adapters do input and output; what is decided (`manifest`, `receiving`) is plain functions on values.
"""
