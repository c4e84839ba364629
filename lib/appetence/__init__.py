"""Appetence: the nightly job suite of a marketing data co-operative, on Spark and Delta Lake."""
