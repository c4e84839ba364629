"""What `conf/base.yaml` and the environment files may set, part by part; unknown keys are errors. Each default here is the only one."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from appetence.contracts.specs import Spec


class SparkSettings(Spec):
    """How a session is built where the cluster does not give one."""

    master: str | None = Field(default=None, description="local[2]; null on a cluster that brings its own session")
    driver_memory: str = "4g"
    shuffle_partitions: int = Field(default=4, ge=1)
    jars: tuple[str, ...] = Field(default=(), description="Maven coordinates fetched once at set-up; empty where the cluster has them")
    jar_cache: str = "{cache}/jars"
    jit: Literal["quick", "full"] = Field(
        default="full", description="quick: the JVM compiles lightly, which halves short jobs on two cores and slows long ones"
    )
    conf: dict[str, str] = Field(default={}, description="further Spark settings")


class PathSettings(Spec):
    """Where this environment lives. `{root}` and the other names may be used in each path and in secret references."""

    root: str
    lake: str = "{root}/lake"
    inbox: str = "{root}/inbox"
    outbox: str = "{root}/outbox"
    quarantine: str = "{root}/quarantine"
    gnupg: str = "{root}/gnupg"
    secrets: str = "{root}/secrets"
    truth: str = "{root}/truth"
    reports: str = "{root}/reports"
    scratch: str = "{root}/scratch"
    locks: str = "{root}/locks"
    requests: str = "{root}/requests"
    state: str = Field(default="{root}/state", description="what was last seen of each table, to notice one that was put back; no backup of the lake")
    mlflow: str = "sqlite:///{root}/mlflow/mlflow.db"
    legal_populations: str = Field(default="", description="INSEE's reference populations by commune, CSV or zip; empty: those shipped")
    commune_incomes: str = Field(default="", description="Filosofi by commune, CSV or zip as published; empty: no incomes")
    iris_incomes: str = Field(default="", description="Filosofi by IRIS, CSV or zip as published; empty: none")
    squares: str = Field(default="", description="Filosofi's squares of 200 m, CSV or zip as published; empty: none")
    members: str = "{conf}/members"
    recipients: str = "{conf}/recipients"
    campaigns: str = "{conf}/campaigns"
    law: str = "{conf}/law.yaml"
    first_names: str = Field(default="", description="INSEE's national file of first names, CSV or zip as published; empty: the shipped table")


class StoreSettings(Spec):
    """One place files come from or go to."""

    kind: Literal["folder", "blob", "sftp"] = "folder"
    location: str = Field(description="folder path, container URL, or sftp://host:port/path")
    credential_ref: str | None = Field(default=None, description="reference of the connection string, SAS or private key; null: managed identity")
    host_key: str | None = Field(default=None, description="sftp: the server's public key, as `ssh-ed25519 AAAA...`")


class AddressServiceSettings(Spec):
    """A licensed address service: asked for each address of a record being made, in place of the built-in reading."""

    url: str = Field(description="https://...; an address of this machine may do without the s (a relay, a test)")
    credential_ref: str = Field(description="reference of what the service calls its key or token")
    batch: int = Field(default=100, ge=1, le=1000, description="addresses in one question")
    connections: int = Field(default=2, ge=1, le=32, description="questions on their way at one time")
    timeout_seconds: float = Field(default=10, gt=0)
    tries: int = Field(default=4, ge=1, le=10)
    wait_seconds: float = Field(default=1, ge=0, description="before the second try; twice as long before each later one")

    @field_validator("url")
    @classmethod
    def _is_private(cls, value: str) -> str:
        if not re.match(r"https://[^/@]+(/|$)|http://(localhost|127\.0\.0\.1)(:[0-9]+)?(/|$)", value):
            raise ValueError("is no https address; addresses of persons may not travel in the clear")
        return value


class ExchangeSettings(Spec):
    """Deliveries in, exports out."""

    inbox: StoreSettings = StoreSettings(location="{inbox}")
    outbox: StoreSettings = StoreSettings(location="{outbox}")
    quarantine: StoreSettings = StoreSettings(location="{quarantine}")
    operator_fingerprint_ref: str = "file:{secrets}/fingerprints/operator.fpr"
    operator_passphrase_ref: str | None = None
    max_reject_share: float = Field(default=0.02, ge=0, le=1, description="a delivery with more rejected lines is quarantined whole")
    max_unread_share: float = Field(
        default=0.5, ge=0, le=1, description="a delivery is quarantined whole when more of the values given in one column cannot be read"
    )
    min_judged_values: int = Field(
        default=10, ge=1, description="a column with fewer values given says too little for max_unread_share to refuse a delivery by it"
    )
    max_expansion: int = Field(default=200, description="a compressed file may grow by this factor at most")
    address_service: AddressServiceSettings | None = Field(default=None, description="who is asked about addresses; null: nobody, expressions decide")


class IdentitySettings(Spec):
    """Resolution of persons and households."""

    engine: Literal["auto", "graphframes", "driver"] = "auto"
    link_weight: float = Field(default=0.0, description="log2 odds above which a pair is a link")
    review_weight: float = Field(default=-4.0, description="pairs above this are kept for review")
    max_pairs_per_record: float = Field(default=60.0, description="budget: a run that would compare more refuses")
    hot_block: int = Field(default=60, description="blocks larger than this are divided by a further attribute")
    max_component: int = Field(default=400, description="a larger component raises an alarm before anything is published")
    household_max_size: int = 12
    contradiction: Literal["veto", "weigh", "auto"] = Field(
        default="veto", description="contradicting birth dates: never one person, weighed like any field, or vetoed where dates prove reliable"
    )
    retrain: bool = Field(default=False, description="learn the match weights anew instead of using the current model")
    max_model_change: float = Field(
        default=0.1, ge=0, le=1, description="share of the links that a model learnt anew may decide otherwise; beyond it the one before stays"
    )
    full: bool = Field(default=False, description="compare everything again, with values and keys as frozen: what incremental runs must equal")
    max_changed: float = Field(
        default=0.1, ge=0, le=1, description="share of changed records, since values and keys were frozen, above which they are counted anew"
    )


class FeatureSettings(Spec):
    """Snapshots and labels."""

    gap_days: int = Field(default=0, ge=0)
    horizon_days: int = Field(default=90, ge=1, description="length of the label window")
    history_days: int = Field(default=1096, ge=30, description="events older than this are not read")
    train_cutoffs: int = Field(default=3, ge=1)
    step_days: int = Field(default=90, ge=1, description="days between two training cutoffs")
    grid_days: int = Field(
        default=10, ge=1, description="cutoffs of the past lie on every n-th day (of which step_days is best a multiple): later runs meet them again"
    )
    silent_days: int = Field(
        default=62,
        ge=1,
        description="labels wait for the deliveries of every member but one silent for longer: members deliver monthly, and may miss one",
    )


class PropensitySettings(Spec):
    """Training, the gate and scoring."""

    models: tuple[str, ...] = Field(default=(), description="model keys to train, e.g. house:r_m04")
    seed: int = 20261031
    max_train_rows: int = Field(default=200_000, ge=1000)
    min_positives: int = Field(default=50, ge=1, description="the gate refuses a test period with fewer")
    max_calibration_error: float = 0.03
    min_auc_gain: float = Field(default=-0.005, description="a challenger may not lose more than this against the champion")
    max_auc_loss: float = Field(default=0.03, ge=0, description="nor may the 90 % interval of the difference reach below a loss of this much")
    max_score_shift: float = Field(
        default=0.5,
        ge=0,
        description="population stability index between calibration and test period, less chance, the gate bears; a cohort that only ages has more",
    )
    min_sector_members: int = Field(default=3, description="a sector fed by fewer members is merged into `autres`")
    reasons: int = Field(default=3, ge=1)
    search_seconds: float = Field(
        default=0, ge=0, description="0: three plain families are compared; more: a stack chosen among learners worth about this much of one thread"
    )


class SelectionSettings(Spec):
    """Campaigns."""

    campaigns: tuple[str, ...] = Field(default=(), description="campaigns of this environment, in order")
    counts_per_day: int = Field(default=40, ge=1, description="dry counts of drafts an agent or a member may ask for in one day of the clock")
    count_step: int = Field(default=20, ge=11, description="counts told to those who may not see persons are rounded to a multiple of this")
    allocation: Literal["last_drop", "every"] = Field(
        default="last_drop", description="an order without a key code counts for the last campaign that reached the person, or for every one"
    )
    minimum_age: int = 18
    min_identity_confidence: float = Field(default=0.0, description="log2 odds that hold a person together; a weaker one is not selected")
    seed_homes: tuple[tuple[str, ...], ...] = Field(
        default=(
            ("14 RUE DU MOULIN PERDU", "59000 LILLE"), ("3 IMPASSE DES VIEUX PUITS", "35000 RENNES"),
            ("27 AVENUE DES TROIS CEDRES", "69003 LYON"), ("8 RUE DE LA BERGERIE HAUTE", "31500 TOULOUSE"),
            ("51 CHEMIN DES QUATRE VENTS", "44300 NANTES"), ("6 ALLEE DES GENEVRIERS", "67000 STRASBOURG"),
        ),
        min_length=1,
        description="where pieces to trap addresses arrive, several homes: the lines after the name; the shipped ones are made up",
    )  # fmt: skip
    seed_email: str = Field(
        default="{first}.{last}{code}@boite.example",
        description="mailboxes of trap addresses on a domain that takes every name; {first}, {last} and two digits, {code}, differ from file to file",
    )
    seed_phone_prefix: str = Field(
        default="+3363998", min_length=3, max_length=9, description="lines of trap addresses; the shipped prefix is reserved for fiction"
    )


class ProcessorSpec(Spec):
    """Somebody who processes data on the operator's behalf: a host, a service; routers and call centres are recipients."""

    name: str = Field(min_length=2)
    what: str = Field(min_length=3, description="what it does with the data")
    country: str = Field(default="FR", pattern=r"^[A-Z]{2}$")
    safeguard: str | None = Field(default=None, description="outside the European Economic Area: what makes the transfer lawful")


class PrivacySettings(Spec):
    """Secrets, retention and erasure."""

    processors: tuple[ProcessorSpec, ...] = Field(default=(), description="for the register: who else processes data for the operator")
    answer_days_before_due: int = Field(
        default=10, ge=0, le=92, description="so many days before its legal limit an erasure no longer waits for the members' answers"
    )
    unanswered: Literal["accept", "refuse"] = Field(default="accept", description="what holds for a member that has not answered by then")
    pepper_ref: str = "file:{secrets}/pepper.key"
    pepper_version: str = "1"
    former_peppers: dict[str, str] = Field(
        default={}, description="version -> reference of peppers that stored hashes were made with, oldest first; `appetence peppers` says until when"
    )
    member_key_template: str = "file:{secrets}/members/{member_id}.key"
    reference_key_ref: str = "file:{secrets}/reference.key"
    member_key_version: str = "1"
