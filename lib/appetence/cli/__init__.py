"""The `appetence` command and one entry point per job: the top layer, it calls the pipeline."""
