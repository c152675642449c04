"""Run a suite: from YAML to jobs, to papermill, to run folders."""
